/** Holds the counts of a replay against the `.truth.json` that stands beside its recording. */
import { existsSync, readFileSync } from 'node:fs';
import type { TruthReport } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import type { MachineCounts } from './machine-counts.ts';
import type { CountDifference, GroundTruth } from './report.ts';

const PACKING = /\.(xz|gz|zst)$/;
const TEXT = /\.(txt|mm|log)$/;

/** Examples of oddities, not counts. */
const NOT_COUNTED: ReadonlySet<string> = new Set(['samples', 'sample']);

/** `lackey.truth.json` for `lackey.txt.xz`, `a.mm.truth.json` or `a.truth.json` for `a.mm`; `undefined` where there is none. */
export function findGroundTruth(recording: string): string | undefined {
  const unpacked = recording.replace(PACKING, '');
  const candidates = [recording, unpacked, unpacked.replace(TEXT, '')].map((stem) => `${stem}.truth.json`);
  return candidates.find((path) => existsSync(path));
}

/**
 * Every count that both sides have must be equal, and so must what the machine counted itself.
 *
 * @throws InputError when the file is no JSON.
 */
export function compareGroundTruth(file: string, counts: TruthReport, machine: MachineCounts): GroundTruth {
  let truth: unknown;
  try {
    truth = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(`${file}: expected the counts of the recording as JSON: ${(error as Error).message}`);
  }
  if (!isObject(truth)) throw new InputError(`${file}: found no object, expected the counts of the recording`);
  const differences: CountDifference[] = [];
  compare('', truth, counts, differences);
  for (const name of ['events', 'finalLayoutCheck'] as const) {
    if (isObject(truth[name])) compareCounted(`machine.${name}`, truth[name], machine[name], differences);
  }
  return { file, equal: differences.length === 0, differences };
}

/** At the top, the file may have more than we count (how it was recorded); below, both sides must have the same names. */
function compare(name: string, expected: unknown, found: unknown, differences: CountDifference[]): void {
  if (isObject(expected) && isObject(found)) {
    const names = Object.keys(expected).filter((key) => name !== '' || Object.hasOwn(found, key));
    if (name !== '') names.push(...Object.keys(found).filter((key) => !Object.hasOwn(expected, key)));
    for (const key of names) {
      if (!NOT_COUNTED.has(key)) compare(name === '' ? key : `${name}.${key}`, expected[key], found[key], differences);
    }
  } else if (expected !== found) differences.push({ name, expected: expected ?? null, found: found ?? null });
}

/** Only what was counted is compared; a count that the file does not mention is 0. */
function compareCounted(name: string, expected: unknown, found: unknown, differences: CountDifference[]): void {
  if (isObject(found)) {
    const names = Array.isArray(expected) ? Object.keys(expected) : Object.keys(found);
    for (const key of names) {
      compareCounted(`${name}.${key}`, isObject(expected) ? expected[key] : undefined, found[key], differences);
    }
  } else if (isObject(expected)) differences.push({ name, expected, found: null });
  else if ((expected ?? 0) !== found) differences.push({ name, expected: expected ?? 0, found: found ?? null });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
