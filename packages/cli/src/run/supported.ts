/**
 * What the language can say and this machine cannot do yet. A script is checked against it to its end before anything
 * runs, so that no half of it has happened when the trouble is found.
 */
import type { MmEvent } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { MISSING_VERBS } from '../missing.ts';

/** Results are lines of text: an access of more bytes than this makes no sense in one. */
const MAX_ACCESS = 64 * 2 ** 20;

/** @throws InputError on the first event that cannot be run. */
export function checkSupported(events: readonly MmEvent[], file: string): void {
  for (const event of events) {
    const trouble = findTrouble(event);
    if (trouble !== undefined) throw new InputError(`${file}:${event.line}: found ${trouble}`);
  }
}

function findTrouble(event: MmEvent): string | undefined {
  const machine = event.actor.kind === 'machine' ? 'machine ' : '';
  if (event.verb !== 'action' && MISSING_VERBS.has(event.verb))
    return `"${machine}${event.verb}", which this machine does not have yet`;
  if ('size' in event && event.size > MAX_ACCESS)
    return `an access of ${event.size} bytes, expected at most ${MAX_ACCESS}`;
  return undefined;
}
