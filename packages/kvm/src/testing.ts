/**
 * Twins: the driver without one of its guards, so that a checker can be shown what the guard is for. Nothing in the
 * driver asks whether it runs as a twin; a twin replaces one method of a prototype until it is restored.
 * @packageDocumentation
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { type MmioSpte, MmioSptes } from './mmio-spte.ts';
import { MmuInvalidate } from './retry.ts';
import { ShadowMmu } from './shadow/shadow-mmu.ts';
import { Vm } from './vm.ts';

/**
 * Guards of the fault path and of invalidation.
 * @public
 */
export type KvmGuard =
  /** A window that opened and closed while the page was looked up goes unseen. */
  | 'sequence-check'
  /** A window that is open when the page is installed goes unseen. */
  | 'in-progress-check'
  /** The check is made before mmuLock is taken, not under it. */
  | 'check-under-lock'
  /** The sequence grows at the start of a window instead of its end. */
  | 'sequence-at-end'
  /** Windows are a flag instead of a count: the first end clears it. */
  | 'window-count'
  /** Start drops the sptes and leaves the TLB alone. */
  | 'flush'
  /** An MMIO spte stays true when memslots change. */
  | 'mmio-generation'
  /** MMIO sptes stay when their generation begins again. */
  | 'mmio-wrap'
  /** Shadow paging: an entry of the guest that changed since the walk is used. */
  | 'gpte-check'
  /** Shadow paging: a table with a shadow page stays writable for the guest. */
  | 'table-write-protect';

/** The fields that the guards are about, private to the driver. */
interface Pair {
  readonly mmuLock: { acquire(): Routine<void> };
  readonly seq: { readonly value: number; add(delta: number): Routine<number>; load(): Routine<number> };
  readonly inProgress: { readonly value: number; add(delta: number): Routine<number>; store(n: number): Routine<void> };
}

type RetryGuard = Exclude<KvmGuard, 'flush' | 'mmio-generation' | 'mmio-wrap' | 'gpte-check' | 'table-write-protect'>;

type Twin = (this: MmuInvalidate, ...args: never[]) => unknown;

function pair(invalidate: MmuInvalidate): Pair {
  return invalidate as unknown as Pair;
}

const { begin } = MmuInvalidate.prototype;

const INVALIDATE_TWINS: Readonly<Record<RetryGuard, Readonly<Record<string, Twin>>>> = {
  'sequence-check': {
    retryGfn(this: MmuInvalidate, _seq: number, gfn: number): boolean {
      return this.covers(gfn);
    },
  },
  'in-progress-check': {
    retryGfn(this: MmuInvalidate, seq: number): boolean {
      return pair(this).seq.value !== seq;
    },
    *retryGfnUnsafe(this: MmuInvalidate, seq: number): Routine<boolean> {
      return (yield* pair(this).seq.load()) !== seq;
    },
  },
  'check-under-lock': {
    *lockAndRetryGfn(this: MmuInvalidate, seq: number, gfn: number): Routine<boolean> {
      const stale = this.retryGfn(seq, gfn);
      yield* pair(this).mmuLock.acquire();
      return stale;
    },
  },
  'sequence-at-end': {
    *begin(this: MmuInvalidate): Routine<void> {
      yield* pair(this).seq.add(1);
      yield* begin.call(this);
    },
    *finish(this: MmuInvalidate): Routine<number> {
      return yield* pair(this).inProgress.add(-1);
    },
  },
  'window-count': {
    *begin(this: MmuInvalidate): Routine<void> {
      yield* pair(this).inProgress.store(0);
      yield* begin.call(this);
    },
    *finish(this: MmuInvalidate): Routine<number> {
      yield* pair(this).seq.add(1);
      yield* pair(this).inProgress.store(0);
      return 0;
    },
  },
};

/**
 * Takes `guard` out of every VM of this package, in this program.
 *
 * @returns Puts it back.
 * @public
 */
export function withoutGuard(guard: KvmGuard): () => void {
  switch (guard) {
    case 'flush':
      return replace(Vm.prototype, { flushRemoteTlbs: () => undefined });
    case 'mmio-generation':
      return replace(MmioSptes.prototype, { current: findMmioSpte });
    case 'mmio-wrap':
      return replace(MmioSptes.prototype, { removeAll: () => undefined });
    case 'gpte-check':
      return replace(ShadowMmu.prototype, { gpteChanged: () => false });
    case 'table-write-protect':
      return replace(ShadowMmu.prototype, { writeProtect: () => undefined });
    default:
      return replace(MmuInvalidate.prototype, INVALIDATE_TWINS[guard]);
  }
}

function findMmioSpte(this: MmioSptes, index: number): MmioSpte | undefined {
  return (this as unknown as { entries: Map<number, MmioSpte> }).entries.get(index);
}

function replace(prototype: object, methods: Readonly<Record<string, unknown>>): () => void {
  const before = new Map(Object.keys(methods).map((name) => [name, Reflect.get(prototype, name) as unknown]));
  Object.assign(prototype, methods);
  return () => before.forEach((method, name) => Reflect.set(prototype, name, method));
}
