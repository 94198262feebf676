/** Checks several files at a time, each on a thread of its own; results come in the order of the files. */
import { availableParallelism } from 'node:os';
import type { CheckResult } from '@mmu-notifier/checker';
import { FailedOnThread } from '../errors.ts';
import type { Interrupt } from '../interrupt.ts';
import type { ProgressDisplay } from '../progress.ts';
import type { ParsedCheckFlags } from './options.ts';
import type { CheckAnswer, CheckJob } from './worker.ts';

export async function checkOnThreads(
  files: readonly string[],
  { check: options, workers }: ParsedCheckFlags,
  display: ProgressDisplay,
  interrupt: Interrupt,
): Promise<CheckResult[]> {
  const threads = Math.min(workers, files.length, availableParallelism() * 4);
  // Only who checks several files pays for it.
  const { Tinypool } = await import('tinypool');
  const fromSource = import.meta.url.endsWith('.ts');
  const pool = new Tinypool({
    filename: new URL(fromSource ? './worker.ts' : './check-worker.js', import.meta.url).href,
    // What turns TypeScript into JavaScript does not reach into threads.
    runtime: fromSource ? 'child_process' : 'worker_threads',
    minThreads: threads,
    maxThreads: threads,
  });
  display.begin('checking', 'files');
  let done = 0;
  try {
    const jobs = files.map(async (path) => {
      const answer = (await pool.run({ path, options } satisfies CheckJob)) as CheckAnswer;
      if ('failure' in answer) throw new FailedOnThread(answer.failure);
      done++;
      display.update({ done, total: files.length, count: done });
      return answer.result;
    });
    return await Promise.race([Promise.all(jobs), interrupt.whenStopped()]);
  } finally {
    display.end();
    await pool.destroy();
  }
}
