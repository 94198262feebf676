/**
 * How a command ends. Four outcomes, never mixed: nothing wrong, a violation was found (a result), the command or its
 * input was wrong (one line says what to type instead), or this program has a bug.
 */
import { ContractViolation, SwapDeviceError, UsageError } from '@mmu-notifier/core';
import { TraceError } from '@mmu-notifier/trace';
import { CommanderError } from 'commander';

export const ExitCode = {
  ok: 0,
  violation: 1,
  usage: 2,
  bug: 3,
  /** 128 + SIGINT, as shells expect. */
  interrupted: 130,
  /** 128 + SIGPIPE: the work was not finished because nobody wanted the rest. */
  readerGone: 141,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const ISSUES = 'https://github.com/mmu-notifier/mmu-notifier/issues';

/** The command or its input is wrong. The message is one line: where, what was found, what was expected. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The user pressed ^C, or whoever reads our output went away: stop, tidy up, say nothing. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super('stopped');
    this.exitCode = exitCode;
  }
}

/** What to print on standard error, and the status to exit with. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly text: string;
}

/** What a thread could not do: it has said why where its errors are still of their classes. */
export class FailedOnThread extends Error {
  override readonly name = 'FailedOnThread';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

/**
 * Turns whatever was thrown into an outcome.
 *
 * @param drivers - Files of drivers and scenarios that the user brought: an exception that comes out of one is not our bug.
 */
export function describeFailure(error: unknown, drivers: readonly string[] = [], debug = false): Failure {
  if (error instanceof Stopped) return { exitCode: error.exitCode, text: '' };
  if (error instanceof FailedOnThread) return error.failure;
  if (error instanceof CommanderError) return describeCommander(error);
  const stack = debug && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  if (error instanceof ContractViolation) {
    return { exitCode: ExitCode.violation, text: `violation: ${oneLine(error.message)}${stack}` };
  }
  if (isUserError(error)) return { exitCode: ExitCode.usage, text: `error: ${oneLine(error.message)}${stack}` };
  // A driver of the user may run in a context with an Error of its own: `instanceof` does not tell.
  const { name = 'Error', message: words, stack: trace } = Object(error) as Partial<Error>;
  const message = oneLine(words === undefined ? String(error) : `${name}: ${words}`);
  const driver = drivers.find((file) => trace?.includes(file) === true);
  if (driver !== undefined) {
    return { exitCode: ExitCode.usage, text: `error: ${driver} threw ${message}${stack}` };
  }
  const hint = debug ? '' : ' Run again with MMU_NOTIFIER_DEBUG=1 for the stack.';
  return {
    exitCode: ExitCode.bug,
    text: `internal error: ${message}\nThis is a bug in mmu-notifier; please report it: ${ISSUES}${hint}${stack}`,
  };
}

function isUserError(error: unknown): error is Error {
  return (
    error instanceof InputError ||
    error instanceof TraceError ||
    error instanceof SwapDeviceError ||
    error instanceof UsageError
  );
}

/** Commander has already printed help, the version, or its own complaint. */
function describeCommander(error: CommanderError): Failure {
  return { exitCode: error.exitCode === 0 ? ExitCode.ok : ExitCode.usage, text: '' };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
