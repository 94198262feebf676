/** Checks one file on a thread of its own. */
import { type CheckOptions, type CheckResult, check } from '@mmu-notifier/checker';
import { type Failure, describeFailure } from '../errors.ts';
import { loadProgram } from './load.ts';

export interface CheckJob {
  readonly path: string;
  readonly options: CheckOptions;
}

/** Errors lose their classes on the way to another thread. */
export type CheckAnswer = { readonly result: CheckResult } | { readonly failure: Failure };

export default async function checkFile({ path, options }: CheckJob): Promise<CheckAnswer> {
  const drivers: string[] = [];
  try {
    const search = check(await loadProgram(path, drivers), options);
    for (;;) {
      const { done, value } = search.next();
      if (done) return { result: value };
    }
  } catch (error) {
    const { exitCode, text } = describeFailure(error, drivers, process.env['MMU_NOTIFIER_DEBUG'] === '1');
    return { failure: { exitCode, text: text.replace(/^error: /, `error: ${path}: `) } };
  }
}
