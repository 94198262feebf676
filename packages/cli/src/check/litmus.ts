/** A script with tasks as a program to be explored: a fresh machine for each run. */
import type { Program } from '@mmu-notifier/checker';
import { Machine, MemorySwapDevice, type Violation } from '@mmu-notifier/core';
import { type Script, parseScript, printEvent, printVerdict } from '@mmu-notifier/trace';
import { Command } from 'commander';
import { InputError } from '../errors.ts';
import type { LoadedPlugin } from '../plugins.ts';
import { loadPlugins, readScript } from '../run/load-script.ts';
import { type RunOptions, machineConfig, parseRunFlags } from '../run/options.ts';
import { addRunOptions, flagsFor } from '../run/script-flags.ts';
import { type ResultLine, ScriptRun } from '../run/script-run.ts';
import { checkSupported } from '../run/supported.ts';

/** @throws InputError for a file that is no litmus test. */
export async function loadLitmus(path: string, drivers: string[]): Promise<Program> {
  const script = parseScript(await readScript(path), path);
  const options = parseRunFlags(flagsFor(script, addRunOptions(new Command()).parse([], { from: 'user' })));
  checkSupported(script.events, path);
  if (script.tasks.length === 0) {
    throw new InputError(`${path}: found a script without tasks, expected lines such as "@guest kvm0 load 0x1000 1"`);
  }
  return litmus(script, options, await loadPlugins(script, path, drivers));
}

function litmus(script: Script, options: RunOptions, plugins: ReadonlyMap<string, LoadedPlugin>): Program {
  const texts = new Map(script.events.map((event) => [event.line, printEvent(event).replace(/^@\S+ /, '')]));
  const exists = new Map(
    script.verdicts.filter(({ kind }) => kind === 'exists').map((verdict) => [verdict.line, printVerdict(verdict)]),
  );
  const conditionAt = (line: number): string => `line ${line}: ${exists.get(line) ?? ''}`;
  return {
    name: script.file,
    exists: [...exists.keys()].map(conditionAt),
    run(strategy, { explore, tell }) {
      const machine = new Machine({ ...machineConfig(options), swapDevice: new MemorySwapDevice(), strategy });
      try {
        const run = new ScriptRun(script, machine, plugins, (line) => tell(answerOf(line)), {
          around: explore,
          began: (line) => tell(`${line}: ${texts.get(line) ?? ''}`),
        });
        const { judgements, outcome, violation } = finish(run.run());
        const seen = judgements.flatMap((judgement) =>
          'seen' in judgement && judgement.seen ? [conditionAt(judgement.line)] : [],
        );
        return { outcome, seen, ...(violation === undefined ? {} : { violation }) };
      } finally {
        machine.close();
      }
    },
  };
}

function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** What an event answered. */
function answerOf({ line, task: _, ...fields }: ResultLine): string {
  const { result, errno, signal, violation } = fields;
  if (violation !== undefined) return `${String(line)}: breaks ${(violation as Violation).oracle}`;
  const answer = errno ?? signal ?? (typeof result === 'string' ? result : JSON.stringify(result ?? null));
  return `${String(line)}: = ${String(answer)}`;
}
