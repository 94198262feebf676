/** The three parts of a script: set-up lines, the concurrent tasks, closing lines. */
import type { MmEvent } from '@mmu-notifier/trace';

export interface Phases {
  readonly setUp: readonly MmEvent[];
  readonly tasks: ReadonlyMap<string, readonly MmEvent[]>;
  readonly closing: readonly MmEvent[];
}

export function splitPhases(events: readonly MmEvent[]): Phases {
  const setUp: MmEvent[] = [];
  const closing: MmEvent[] = [];
  const tasks = new Map<string, MmEvent[]>();
  for (const event of events) {
    if (event.task === undefined) (tasks.size === 0 ? setUp : closing).push(event);
    else {
      const lines = tasks.get(event.task);
      if (lines === undefined) tasks.set(event.task, [event]);
      else lines.push(event);
    }
  }
  return { setUp, tasks, closing };
}
