/** The commands and their options. Every option has a sentence, every command examples. */
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check/command.ts';
import { type ConformFlags, conformCommand } from './conform/command.ts';
import { type CheckFlags, addCheckOptions } from './check/options.ts';
import { ExitCode, describeFailure } from './errors.ts';
import { KCONFIG_HELP } from './kconfig.ts';
import type { Io } from './output.ts';
import { replayCommand } from './replay/command.ts';
import type { ReplayFlags } from './replay/options.ts';
import { runCommand } from './run/command.ts';
import { addRunOptions } from './run/script-flags.ts';
import { type AttachFlags, attachCommand } from './xpmem/attach.ts';
import { type ServeFlags, serveCommand } from './xpmem/serve.ts';
import { VERSION } from './version.ts';

const RUN_EXAMPLES = `
Examples:
  $ mmu-notifier run fork.mm                       one JSON object per event
  $ mmu-notifier run race.mm --seed 7              tasks, interleaved as seed 7 decides
  $ mmu-notifier run race.mm --seeds 1000          a thousand interleavings, one summary
  $ mmu-notifier run docs/history/*.mm             one after the other; exit status 1 if any finds a violation
  $ echo 'p1 load 0x1000 1' | mmu-notifier run -   a script from standard input
`;

const CHECK_EXAMPLES = `
Examples:
  $ mmu-notifier check docs/litmus/gup-vs-munmap.mm              every interleaving that differs
  $ mmu-notifier check docs/litmus/                              all files of a folder, and a table
  $ mmu-notifier check scenario.ts                               what a script cannot say, as a module
  $ mmu-notifier check race.mm --failures 0                      as long as nothing goes wrong that may: no memory, no link
  $ mmu-notifier check large.mm --search pos --runs 10000        at random, where there are too many
  $ mmu-notifier check race.mm --save .                          keep the schedule of a counterexample
  $ mmu-notifier check race.mm --replay race.schedule.json --trace    see it again, step by step
`;

const CONFORM_EXAMPLES = `
Examples:
  $ mmu-notifier conform @mmu-notifier/kvm                        a table in Markdown, and counterexamples behind it
  $ mmu-notifier conform kvm --options '{"mode":"shadow"}'
  $ mmu-notifier conform ./my-driver.ts --runs 10000              your own driver, further
`;

const REPLAY_EXAMPLES = `
Examples:
  $ mmu-notifier replay lackey.txt.xz                              in memory that suffices
  $ mmu-notifier replay lackey.txt.xz --attach kvm --ram 25%       under pressure, with KVM as a secondary MMU
  $ mmu-notifier replay lackey.txt.xz --attach ./my-driver.ts      with your own driver
  $ mmu-notifier replay lackey.txt.xz --compare-pin --ram 50%      with notifiers, and with pinned pages as before them
  $ mmu-notifier replay lackey.txt.xz --html out.html              a page with charts and a map of memory
  $ mmu-notifier replay lackey.txt.xz --perfetto out.pftrace       a trace for ui.perfetto.dev
  $ mmu-notifier replay kernel.txt.xz --attach kvm --fidelity      what the model does, beside what the kernel did
  $ mmu-notifier replay lackey.txt.xz --json | jq .faults          the report as one object
`;

const XPMEM_EXAMPLES = `
Examples, in two terminals:
  $ mmu-notifier xpmem serve --size 64M --listen unix:./a.sock
  $ mmu-notifier xpmem attach unix:./a.sock
  attach> store 0 "hello"        then, there:  serve> dump 0 16, serve> swap 0 4K
`;

const EXIT_CODES = `
Exit status: 0 nothing wrong, 1 a violation or a difference was found, 2 the command or its input was wrong,
3 a bug in this program (MMU_NOTIFIER_DEBUG=1 shows the stack).
`;

/** Runs one command line; answers the exit status. Never throws. */
export async function main(args: readonly string[], io: Io): Promise<ExitCode> {
  const drivers: string[] = [];
  let exitCode: ExitCode = ExitCode.ok;
  const program = buildProgram(io, drivers, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const failure = describeFailure(error, drivers, process.env['MMU_NOTIFIER_DEBUG'] === '1');
    if (failure.text !== '') io.err(`${failure.text}\n`);
    return failure.exitCode;
  }
}

function buildProgram(io: Io, drivers: string[], exit: (code: ExitCode) => void): Command {
  const program = new Command('mmu-notifier')
    .description('A laboratory for secondary MMUs: Linux virtual memory as an executable model.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text), ...width(io) })
    .showHelpAfterError('Try --help.')
    .addHelpText('after', EXIT_CODES);
  addRun(program, (scripts, typed) => runCommand(scripts, typed, io, drivers).then(exit));
  addCheck(program, (paths, flags) => checkCommand(paths, flags, io, drivers).then(exit));
  addConform(program, (spec, flags) => conformCommand(spec, flags, io, drivers).then(exit));
  addXpmem(program, io, exit);
  addReplay(program, (recording, flags) => replayCommand(recording, flags, io, drivers).then(exit));
  program.allowExcessArguments().action(() => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`, { exitCode: ExitCode.usage });
    program.outputHelp({ error: true });
    throw new CommanderError(ExitCode.usage, 'mmu-notifier.noCommand', 'no command');
  });
  return program;
}

function addConform(program: Command, action: (spec: string, flags: ConformFlags) => Promise<void>): void {
  program
    .command('conform')
    .description(
      'Run the conformance suite on a driver: each race of the field explored, each trait held against what it does.',
    )
    .argument('<plugin>', 'a name such as kvm, a package, or a path such as ./my-driver.ts')
    .option('--options <json>', 'options of the driver')
    .option('--runs <count>', 'interleavings of one scenario at most', '1000')
    .option('--failures <count>', 'let at most so many things go wrong in a run', '1')
    .option('--json', 'print one JSON object')
    .option('--progress', 'print progress lines even without a terminal')
    .addHelpText('after', CONFORM_EXAMPLES)
    .action(action);
}

function addXpmem(program: Command, io: Io, exit: (code: ExitCode) => void): void {
  const group = program.command('xpmem').description('Share memory between two nodes, and watch it being called back.');
  group
    .command('serve')
    .description('Let other nodes use memory of this one, and change it meanwhile by commands.')
    .requiredOption('--listen <endpoint>', 'unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT')
    .option('--size <size>', 'anonymous memory to share', '4M')
    .option('--file <file>', 'share a copy of the bytes of a file')
    .option('--ram <size>', 'physical memory (default: all that it needs)')
    .option(
      '--key <file>',
      'the key that both ends share (default, for a Unix socket: PATH.key, made where it is missing)',
    )
    .option('--json', 'answer in JSON, one object a line')
    .addHelpText('after', XPMEM_EXAMPLES)
    .action((flags: ServeFlags) => serveCommand(flags, io).then(exit));
  group
    .command('attach')
    .description('Use the memory that another node serves, by commands.')
    .argument('<endpoint>', 'where it serves')
    .option('--segment <id>', 'which memory of it', '0x100000001')
    .option('--read-only', 'ask for no more than to read')
    .option('--key <file>', 'the key that both ends share (default, for a Unix socket: PATH.key)')
    .option('--json', 'answer in JSON, one object a line')
    .addHelpText('after', XPMEM_EXAMPLES)
    .action((endpoint: string, flags: AttachFlags) => attachCommand(endpoint, flags, io).then(exit));
}

function width({ columns }: Io): { getOutHelpWidth: () => number } {
  return { getOutHelpWidth: () => columns ?? 100 };
}

function addRun(program: Command, action: (scripts: string[], typed: Command) => Promise<void>): void {
  const command = program
    .command('run')
    .description('Run scripts of the event language, and print one JSON object per event.')
    .argument('<scripts...>', '.mm files, or - for standard input');
  addRunOptions(command)
    .addHelpText('after', RUN_EXAMPLES)
    .action((scripts: string[]) => action(scripts, command));
}

function addCheck(program: Command, action: (paths: string[], flags: CheckFlags) => Promise<void>): void {
  const command = program
    .command('check')
    .description('Run tasks under every interleaving that differs, and show the simplest that breaks a rule.')
    .argument('<paths...>', '.mm files with @task lines, folders of them, or modules that export a program');
  addCheckOptions(command).addHelpText('after', CHECK_EXAMPLES).action(action);
}

function addReplay(program: Command, action: (recording: string, flags: ReplayFlags) => Promise<void>): void {
  program
    .command('replay')
    .description('Replay what a real program did to its memory, and report what the machine did.')
    .argument('<recording>', 'a recording: lackey, perf script or strace output, or .mm, plain or packed')
    .option('--attach <drivers>', 'drivers to attach: names or paths, e.g. kvm,./my-driver.ts')
    .option('--ram <size>', "physical memory: 64M, or 25% of the recording's peak (default: all that it needs)")
    .option('--swap <size>', 'swap space', '256M')
    .option('--memory-max <size>', 'limit of a memory cgroup that all processes are in (default: none)')
    .option('--kconfig <switches>', KCONFIG_HELP)
    .option('--device-share <part>', 'part of the accesses that each device makes', '1/4')
    .option('--pin', 'the world before notifiers: each translation pins its page')
    .option('--compare-pin', 'replay with notifiers and with pins, side by side')
    .option('--fidelity', 'hold faults and notifier ranges against those of the recorded kernel (perf script)')
    .option('--json', 'print the report as one JSON object')
    .option('--html <file>', 'write a page that shows the run: charts, and a map of memory')
    .option('--perfetto <file>', 'write a trace that ui.perfetto.dev opens')
    .option('--progress', 'print progress lines even without a terminal')
    .option('--no-oracles', 'check nothing: faster')
    .addHelpText('after', REPLAY_EXAMPLES)
    .action(action);
}
