/** Checks one file on a thread of its own. */
import { type CheckOptions, type CheckResult, check } from '@mmu-notifier/checker';
import { loadLitmus } from './litmus.ts';

export interface CheckJob {
  readonly path: string;
  readonly options: CheckOptions;
}

export default async function checkFile({ path, options }: CheckJob): Promise<CheckResult> {
  const search = check(await loadLitmus(path, []), options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}
