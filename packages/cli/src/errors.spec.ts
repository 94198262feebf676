import { ContractViolation, SwapDeviceError, UsageError } from '@mmu-notifier/core';
import { TraceError } from '@mmu-notifier/trace';
import { CommanderError } from 'commander';
import { ExitCode, InputError, Stopped, describeFailure } from './errors.ts';

describe('a failure', () => {
  it('of the user is one line, and status 2', () => {
    const errors = [
      new InputError('--ram: found "x"'),
      new UsageError('bad-size', 'found 0 bytes'),
      new SwapDeviceError('swap file cannot be written:\n  no space left'),
      new TraceError({ code: 'syntax', file: 'a.mm', line: 2, column: 3, found: '"lod"', expected: 'a verb' }),
    ];
    expect(errors.map((error) => describeFailure(error))).toEqual([
      { exitCode: 2, text: 'error: --ram: found "x"' },
      { exitCode: 2, text: 'error: found 0 bytes' },
      { exitCode: 2, text: 'error: swap file cannot be written: no space left' },
      { exitCode: 2, text: 'error: a.mm:2:3: found "lod", expected a verb' },
    ]);
  });

  it('that is a violation is a result, and status 1', () => {
    const error = new ContractViolation({ oracle: 'use-after-free', message: 'frame 7 is freed' });
    expect(describeFailure(error)).toEqual({ exitCode: 1, text: 'violation: use-after-free: frame 7 is freed' });
  });

  it('of this program asks for a report, shows no stack, and is status 3', () => {
    const { exitCode, text } = describeFailure(new TypeError('x is not a function'));
    expect(exitCode).toBe(ExitCode.bug);
    expect(text).toMatch(
      /^internal error: TypeError: x is not a function\nThis is a bug in mmu-notifier; .*MMU_NOTIFIER_DEBUG=1/,
    );
    expect(text).not.toContain('errors.spec');
    expect(describeFailure(new TypeError('x'), [], true).text).toContain('errors.spec');
  });

  it('that comes out of a driver of the user is not our bug', () => {
    const error = new TypeError('y is undefined');
    error.stack = 'TypeError: y is undefined\n    at attach (/home/me/my-driver.ts:3:1)';
    expect(describeFailure(error, ['/home/me/my-driver.ts'])).toEqual({
      exitCode: 2,
      text: 'error: /home/me/my-driver.ts threw TypeError: y is undefined',
    });
  });

  it('says nothing more where the reader went away, the user pressed ^C, or commander has spoken', () => {
    expect(describeFailure(new Stopped(ExitCode.readerGone))).toEqual({ exitCode: 141, text: '' });
    expect(describeFailure(new Stopped(ExitCode.interrupted))).toEqual({ exitCode: 130, text: '' });
    expect(describeFailure(new CommanderError(0, 'commander.helpDisplayed', ''))).toEqual({ exitCode: 0, text: '' });
    expect(describeFailure(new CommanderError(1, 'commander.unknownOption', ''))).toEqual({ exitCode: 2, text: '' });
  });
});
