/**
 * Tracepoints: what a recorder of a run is told, one method each. A machine without a tracer pays one test at each of
 * them; nothing is allocated for them, so a tracer copies what it wants to keep.
 *
 * Nobody says what time it is: below the packages that people use there is no clock but the virtual one, which moves
 * while everybody sleeps (`clockAdvanced`). A recorder has a clock of its own and decides what a step costs.
 *
 * What a task begins it ends, and in the opposite order: slices of one task nest. The exception is a run that a violation
 * stopped, whose last slices stay open. Mirrors the use of `include/trace/events/` in Linux.
 */
import type { Errno, NotifierEvent } from '@mmu-notifier/plugin-api';

/** A task as a tracer sees it. @public */
export interface TracedTask {
  /** Unique in this machine. */
  readonly id: number;
  readonly name: string;
  readonly cpu: number;
  /** The process that it works for; nobody for kernel threads. */
  readonly owner: { readonly name: string } | undefined;
}

/** A lock as a tracer sees it. @public */
export interface TracedLock {
  readonly name: string;
  /** Its place in the lock tree; that of every address space is `mm.mmapLock`. */
  readonly lockClass: { readonly name: string };
}

/**
 * What a machine tells whoever records its run. Address spaces are told by the `id` of their `MmHandle`; addresses are bytes, `end`
 * is the first byte behind. Every method is optional. A tracer only looks: it must not call the machine.
 *
 * @public
 */
export interface MachineTracer {
  /** Whatever is told from here on is done by this task, on its CPU, until another one is named. */
  taskRuns?(task: TracedTask): void;
  /** Everybody slept: virtual time is now so many nanoseconds since boot. */
  clockAdvanced?(nanoseconds: number): void;

  /** A CPU faults. */
  faultBegan?(mm: number, address: number, access: 'load' | 'store' | 'fetch'): void;
  /**
   * The fault under way, of a CPU or behind a device, turned out to be of this kind: the name of a fault counter. There
   * may be none, or several.
   */
  faultIs?(kind: string): void;
  /** `done`, or the signal that it ended in. */
  faultEnded?(result: string): void;

  /** A notifier range begins, before the first callback. */
  windowOpened?(mm: number, start: number, end: number, event: NotifierEvent): void;
  /** It has ended, behind the last callback. */
  windowClosed?(mm: number, start: number, end: number, event: NotifierEvent): void;
  /** The start callback of one subscriber begins. @param device - Name of the attached device. */
  invalidationBegan?(device: string, mm: number, start: number, end: number, event: NotifierEvent): void;
  invalidationEnded?(device: string): void;
  /** All subscribers were asked whether they used the range. */
  aged?(mm: number, start: number, end: number, young: boolean): void;

  /** A device asks for the page behind an address, because it has no translation for it. */
  deviceFaultBegan?(device: string, mm: number, address: number): void;
  deviceFaultEnded?(device: string, result: 'done' | Errno): void;

  /** A task begins to free pages: one that allocates (direct reclaim), or a kernel thread. @param pages - How many it wants. */
  reclaimBegan?(pages: number): void;
  /** @param freed - Frames that it freed. */
  reclaimEnded?(freed: number): void;
  swappedOut?(slot: number): void;
  swappedIn?(slot: number): void;

  /** CPUs are told to drop translations. @param cpus - Bit mask of those that may hold some. */
  tlbShootdown?(mm: number, start: number, end: number, cpus: number): void;

  /** The running task waits for a lock, or for anything else that has a queue. */
  waitBegan?(queue: string): void;
  waitEnded?(queue: string): void;
  /** The running task has the lock. Told for every lock that lockdep knows. */
  lockAcquired?(lock: TracedLock): void;
  lockReleased?(lock: TracedLock): void;
}
