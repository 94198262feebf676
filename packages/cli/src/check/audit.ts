/** `mmu-notifier check FILE... --audit`: whether what is said to commute does. */
import { type AuditOptions, type AuditResult, type TracedStep, type Undeclared, audit } from '@mmu-notifier/checker';
import { describePoint } from '@mmu-notifier/core';
import { ExitCode } from '../errors.ts';
import { Interrupt } from '../interrupt.ts';
import type { Io } from '../output.ts';
import { progressDisplay } from '../progress.ts';
import { formatCount } from '../sizes.ts';
import { loadProgram } from './load.ts';
import type { CheckFlags, ParsedCheckFlags } from './options.ts';

const RUNS = 100;

export async function auditFiles(
  files: readonly string[],
  { check: { maxRuns: runs = RUNS, seed, maxSteps, failures } }: ParsedCheckFlags,
  flags: CheckFlags,
  io: Io,
  drivers: string[],
): Promise<ExitCode> {
  const options: AuditOptions = {
    runs,
    ...(seed === undefined ? {} : { seed }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(failures === undefined ? {} : { failures }),
  };
  const programs = [];
  for (const file of files) programs.push(await loadProgram(file, drivers));
  const interrupt = new Interrupt();
  const display = progressDisplay(io, flags.progress === true);
  display.begin('auditing', 'runs');
  const audits: (AuditResult & { program: string })[] = [];
  try {
    for (const program of programs) {
      const search = audit(program, options);
      for (let step = search.next(); ; step = search.next()) {
        if (step.done) {
          audits.push({ program: program.name, ...step.value });
          break;
        }
        const done = audits.length * runs + step.value;
        display.update({ done, total: programs.length * runs, count: done });
        await interrupt.breathe();
      }
    }
  } finally {
    display.end();
    interrupt.dispose();
  }
  if (flags.json === true) io.out(`${JSON.stringify({ audits: audits.map(asJson) })}\n`);
  else for (const one of audits) io.out(describe(one));
  return audits.every(({ undeclared }) => undeclared.length === 0) ? ExitCode.ok : ExitCode.violation;
}

function describe({ program, runs, swaps, undeclared }: AuditResult & { program: string }): string {
  const tried = `${program}: ${formatCount(swaps)} pairs of steps swapped, in ${formatCount(runs)} runs`;
  if (undeclared.length === 0) return `${tried}: all commute\n`;
  const pairs = undeclared.map(({ first, second, difference, objects }) =>
    [
      `  ${first.task}: ${touches(first, objects).join(', ')}`,
      `  ${second.task}: ${touches(second, objects).join(', ')}`,
      `    the other way round ${difference}`,
    ].join('\n'),
  );
  return `${tried}: ${formatCount(undeclared.length)} do not commute, and do not say so\n\n${pairs.join('\n\n')}\n\n`;
}

function asJson({ undeclared, ...counts }: AuditResult & { program: string }): unknown {
  const step = (of: TracedStep, { objects }: Undeclared): unknown => ({ task: of.task, touches: touches(of, objects) });
  return {
    ...counts,
    undeclared: undeclared.map((one) => ({
      first: step(one.first, one),
      second: step(one.second, one),
      difference: one.difference,
    })),
  };
}

/** What a step announced and noted, each once. */
function touches({ operations }: TracedStep, objects: readonly string[]): string[] {
  return [...new Set(operations)].map((operation) => describePoint(operation, objects));
}
