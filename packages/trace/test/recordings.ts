/** Where the recordings are: one comes with this package, more may stand beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TruthReport } from '../src/truth/truth-report.ts';

const PACKAGE = join(__dirname, '..');

/** `MMU_NOTIFIER_TRACES`, or `../shared/traces` next to the repository. */
const FOLDER = process.env['MMU_NOTIFIER_TRACES'] ?? join(PACKAGE, '../../../shared/traces');

/** A recording and its ground truth. */
export interface RecordedWorkload {
  readonly name: string;
  readonly path: string;
  readonly truth: () => TruthReport;
}

function workload(name: string, folder: string, file: string): RecordedWorkload | undefined {
  const path = join(folder, `${file}.txt.xz`);
  const truthPath = join(folder, `${file}.truth.json`);
  if (!existsSync(path) || !existsSync(truthPath)) return undefined;
  const truth = (): TruthReport => {
    const { recorder: _recorder, ...counts } = JSON.parse(readFileSync(truthPath, 'utf8')) as TruthReport & {
      recorder: unknown;
    };
    return counts;
  };
  return { name, path, truth };
}

/** The recording that is published with the package. */
export const BUNDLED: string = join(PACKAGE, 'recordings/redis/lackey.txt.xz');

/** Every recording that can be found; says so when only the bundled one can. */
export function recordedWorkloads(): RecordedWorkload[] {
  const found = [workload('redis (bundled)', join(PACKAGE, 'recordings/redis'), 'lackey')];
  const names = ['ls', 'gcc', 'python', 'xz', 'sqlite'];
  for (const name of names) found.push(workload(name, join(FOLDER, name), 'lackey'));
  for (const name of ['gcc', 'sqlite'])
    found.push(workload(`${name}, nothing left out`, join(FOLDER, name), 'lackey-raw'));
  if (!existsSync(FOLDER)) {
    process.stderr.write(
      `Recordings not found in ${FOLDER}: only the bundled one is tested. Set MMU_NOTIFIER_TRACES to their folder.\n`,
    );
  }
  return found.filter((candidate) => candidate !== undefined);
}
