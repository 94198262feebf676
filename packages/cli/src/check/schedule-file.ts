/** Schedules of counterexamples, as files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SCHEDULE_FORMAT, type Schedule } from '@mmu-notifier/checker';
import { InputError } from '../errors.ts';
import { readJson } from './read-json.ts';

/** @returns where it is now. @throws InputError where it cannot be written. */
export function saveSchedule(folder: string, schedule: Schedule): string {
  const file = join(folder, `${basename(schedule.program).replace(/\.mm$/, '')}.schedule.json`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `${JSON.stringify(schedule, undefined, 1)}\n`);
  } catch (error) {
    throw new InputError(`--save: ${file}: found that it cannot be written (${(error as Error).message})`);
  }
  return file;
}

/** @throws InputError for a file that is none. */
export function readSchedule(file: string): Schedule {
  const found = readJson(file, '--replay', 'a schedule that check --save has written');
  if (!isSchedule(found)) throw new InputError(`--replay: ${file}: found other JSON, expected a schedule`);
  if (found.format !== SCHEDULE_FORMAT) {
    throw new InputError(`--replay: ${file}: found format ${String(found.format)}, expected ${SCHEDULE_FORMAT}`);
  }
  return found;
}

function isSchedule(found: unknown): found is Schedule {
  if (typeof found !== 'object' || found === null) return false;
  const { program, tasks, blocks, choices, fingerprint } = found as Record<string, unknown>;
  return (
    typeof program === 'string' &&
    typeof fingerprint === 'string' &&
    isListOf(tasks, (task) => typeof task === 'string') &&
    isListOf(blocks, (block) => isListOf(block, Number.isInteger)) &&
    isListOf(choices, (choice) => Array.isArray(choice))
  );
}

function isListOf(found: unknown, is: (one: unknown) => boolean): boolean {
  return Array.isArray(found) && found.every(is);
}
