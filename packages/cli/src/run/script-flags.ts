/** The options of `run`: those of the command line, and behind them those that a script asks for in a `#! run` line. */
import { Command, CommanderError } from 'commander';
import type { Script } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { KCONFIG_HELP } from '../kconfig.ts';
import type { RunFlags } from './options.ts';

export function addRunOptions(command: Command): Command {
  return command
    .option('--seed <number>', 'how tasks interleave (default: 1)')
    .option('--seeds <count>', 'run that many seeds, and print one summary')
    .option('--keep-going', 'with --seeds: go on after a violation')
    .option('--ram <size>', 'physical memory', '64M')
    .option('--swap <size>', 'swap space', '64M')
    .option('--kconfig <switches>', KCONFIG_HELP)
    .option('--json', 'print JSON: what it does anyway')
    .option('--progress', 'with --seeds: print progress lines even without a terminal');
}

/**
 * What a script asks for, and what the user says instead. A user who asks for one seed wants to see that run.
 *
 * @throws InputError for a `#! run` line that no command line could be.
 */
export function flagsFor({ file, options }: Script, typed: Command): RunFlags {
  const asked = parseAsked(file, options);
  const flags: Record<string, unknown> = { ...asked.opts() };
  for (const [name, value] of Object.entries(typed.opts())) {
    if (typed.getOptionValueSource(name) !== 'default' || !(name in flags)) flags[name] = value;
  }
  if (typed.getOptionValueSource('seed') === 'cli' && typed.getOptionValueSource('seeds') !== 'cli') {
    delete flags['seeds'];
    delete flags['keepGoing'];
  }
  return flags as unknown as RunFlags;
}

function parseAsked(file: string, words: readonly string[]): Command {
  const command = addRunOptions(new Command())
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeErr: () => undefined });
  try {
    return command.parse(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const found = error.message.replace(/^error: /, '');
    throw new InputError(`${file}: found a line "#! run ${words.join(' ')}" (${found}), expected options of run`);
  }
}
