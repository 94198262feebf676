/** The real side: the compiled runner. */
import { readFileSync } from 'node:fs';
import { compileRunner } from './compile.ts';
import { type Side, runCommand } from './run-command.ts';

/** Whether the kernel may page memory out: what is left in memory afterwards is its own decision then. */
export function hasSwap(): boolean {
  return readFileSync('/proc/swaps', 'utf8').trim().split('\n').length > 1;
}

/** Exit status of the runner, and of the model, for a script that it refuses. */
export const REFUSED = 2;

export function linux(runner: string = compileRunner()): Side {
  return async (script) => {
    const run = await runCommand(runner, ['-'], script);
    if (run.status === 0 || run.status === REFUSED) return run;
    throw new Error(`the runner ended with status ${run.status}: ${run.stderr.trim()}\n${script}`);
  };
}
