/** `mmu-notifier conform PLUGIN`: the conformance suite for a driver. */
import { type ConformanceReport, conform, conformanceTable } from '@mmu-notifier/conformance';
import { describeFinding } from '../check/describe.ts';
import { ExitCode, InputError } from '../errors.ts';
import { Interrupt } from '../interrupt.ts';
import type { Io } from '../output.ts';
import { loadPlugin } from '../plugins.ts';
import { progressDisplay } from '../progress.ts';
import { parseCount } from '../sizes.ts';

/** As commander hands them over. */
export interface ConformFlags {
  readonly options?: string;
  readonly runs?: string;
  readonly failures?: string;
  readonly json?: boolean;
  readonly progress?: boolean;
}

export async function conformCommand(spec: string, flags: ConformFlags, io: Io, drivers: string[]): Promise<ExitCode> {
  const pluginOptions = parseOptions(flags.options);
  const limits = {
    ...(flags.runs === undefined ? {} : { maxRuns: parseCount(flags.runs, '--runs', 1) }),
    ...(flags.failures === undefined ? {} : { failures: parseCount(flags.failures, '--failures', 0) }),
  };
  const { file, create } = await loadPlugin(spec);
  if (file !== undefined) drivers.push(file);
  const plugin = (): ReturnType<typeof create> => create(pluginOptions);
  plugin();
  const report = await run(plugin, limits, flags, io);
  if (flags.json === true) io.out(`${JSON.stringify(report)}\n`);
  else print(report, io);
  return report.conforms ? ExitCode.ok : ExitCode.violation;
}

async function run(
  plugin: Parameters<typeof conform>[0],
  limits: Parameters<typeof conform>[1],
  flags: ConformFlags,
  io: Io,
): Promise<ConformanceReport> {
  const interrupt = new Interrupt();
  const display = progressDisplay(io, flags.progress === true);
  display.begin('exploring', 'scenarios');
  try {
    const suite = conform(plugin, limits);
    for (;;) {
      const { done, value } = suite.next();
      if (done) return value;
      display.update({ done: value.done, total: value.total, count: value.done });
      await interrupt.breathe();
    }
  } finally {
    display.end();
    interrupt.dispose();
  }
}

/** The table first, to be pasted; then what was found, to be read. */
function print(report: ConformanceReport, io: Io): void {
  io.out(conformanceTable(report));
  for (const { name, check } of report.scenarios) {
    if (check?.finding !== undefined) io.out(`\n### ${name}\n\n${describeFinding(check.finding, 'blocks')}\n`);
  }
}

function parseOptions(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`--options: found ${text}, expected JSON such as {"mode":"shadow"}`);
  }
}
