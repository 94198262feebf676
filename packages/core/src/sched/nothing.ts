import type { Routine } from '@mmu-notifier/plugin-api';

/** A routine that has ended: for who has nothing to wait for, and is called too often to make one each time. */
export const NOTHING: Routine<void> = ended();

function ended(): Routine<void> {
  const routine = (function* (): Routine<void> {})();
  routine.next();
  return routine;
}
