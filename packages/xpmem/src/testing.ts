/**
 * Twins: the driver without one of its guards, so that a checker can be shown what the guard is for. Nothing in the driver
 * asks whether it runs as a twin; a twin replaces steps until they are restored.
 * @packageDocumentation
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { rules } from './fault.ts';
import { steps } from './pfn-table.ts';
import { races } from './remote/away.ts';
import { waits } from './remote/recall.ts';
import { callbacks } from './watch.ts';

/**
 * Guards of faults and invalidations.
 * @public
 */
export type XpmemGuard =
  /** A page that was looked up before an invalidation is established after it. */
  | 'sequence-check'
  /** A page that was looked up before `fork_begin` is established after it. */
  | 'fork-hold'
  /** The source changes and nothing is recalled. */
  | 'recall'
  /** The reference is put while ptes of windows still reach the page. */
  | 'zap-before-put'
  /** Translations go and the ptes that show them stay. */
  | 'zap'
  /** What the source may only read is mapped writable. */
  | 'write-permission'
  /** What was looked up to read is mapped writable, where the source may write: its page is not marked dirty. */
  | 'as-asked'
  /** A recall does not wait for the other nodes. */
  | 'answer'
  /** A recall gives a node up that does not answer, before its lease has ended. */
  | 'lease'
  /** The answer to a fault is used although a recall overtook it. */
  | 'overtaken-fault';

const TWINS: Readonly<Record<XpmemGuard, () => () => void>> = {
  'sequence-check': () => replace(rules, 'lost', () => false),
  'fork-hold': () => replace(rules, 'held', () => false),
  recall: () => replace(callbacks, 'recall', () => nothing()),
  'zap-before-put': () =>
    replace(steps, 'drop', function* (table, start, end, gone) {
      table.put(gone);
      yield* table.zap(start, end);
      table.flush(gone);
    }),
  zap: () =>
    replace(steps, 'drop', function* (table, _start, _end, gone) {
      table.flush(gone);
      table.put(gone);
    }),
  answer: () => replace(waits, 'answer', () => nothing()),
  lease: () => replace(waits, 'untilEnd', () => 0),
  'overtaken-fault': () => replace(races, 'lost', () => false),
  'as-asked': () => replace(rules, 'asked', (page) => page),
  'write-permission': () => replace(steps, 'permission', () => true),
};

/**
 * Takes a guard out of every device of this process.
 *
 * @returns what puts it back.
 * @public
 */
export function withoutGuard(guard: XpmemGuard): () => void {
  return TWINS[guard]();
}

function replace<T extends object, K extends keyof T>(object: T, name: K, twin: T[K]): () => void {
  const before = object[name];
  object[name] = twin;
  return () => {
    object[name] = before;
  };
}

function* nothing(): Routine<void> {}
