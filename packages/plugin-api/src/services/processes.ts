/** Processes, their address spaces and their VMAs, as a driver may see them. */
import type { Routine } from '../routine.ts';
import type { VirtualAddress } from '../units.ts';

/**
 * A process's address space (`mm_struct`). A handle is identity and life time only; it is valid while grabbed.
 * @public
 */
export interface MmHandle {
  readonly id: number;
  /** Users of the address space; at 0 it has been or is being torn down. */
  readonly users: number;
}

/** A process. @public */
export interface ProcessHandle {
  /** `p1`, `p2`, … in order of creation. */
  readonly name: string;
  /** The address space that it has now; `undefined` once it has exited. */
  readonly mm: MmHandle | undefined;
}

/** What a driver may know of one mapping. @public */
export interface VmaView {
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
  readonly read: boolean;
  readonly write: boolean;
  readonly exec: boolean;
  readonly shared: boolean;
  /** Name of the mapped file, `undefined` for anonymous memory. */
  readonly file: string | undefined;
  /** Byte offset in the file. */
  readonly offset: number;
}

/** Life time of address spaces, and mmapLock on any of them. @public */
export interface ProcessService {
  /** Keeps the `mm_struct` (not its contents) alive. */
  grab(mm: MmHandle): void;
  /** Undoes one `grab`. */
  drop(mm: MmHandle): void;
  /** Takes a user reference unless the address space is already going: `mmget_not_zero`. */
  getNotZero(mm: MmHandle): boolean;
  /** Drops a user reference; the last one tears the address space down. @sleeps May. */
  put(mm: MmHandle): Routine<void>;
  /** The process whose task runs now, `undefined` in a kernel thread. */
  current(): ProcessHandle | undefined;
  /** A signal becomes pending for the process: its interruptible waits answer `EINTR`. Never sleeps. */
  signal(process: ProcessHandle): void;
  /** Whether a signal is pending for the current task: interruptible waits answer `EINTR`. */
  signalPending(): boolean;
  /** @sleeps May. Recursive reading deadlocks. */
  mmapReadLock(mm: MmHandle): Routine<void>;
  mmapReadTryLock(mm: MmHandle): boolean;
  mmapReadUnlock(mm: MmHandle): void;
  /** @sleeps May. */
  mmapWriteLock(mm: MmHandle): Routine<void>;
  /** The writer becomes a reader, and no writer gets in between. */
  mmapDowngrade(mm: MmHandle): void;
  mmapWriteUnlock(mm: MmHandle): void;
}

/** VMA look-ups. @locks The caller holds mmapLock of the mm. @public */
export interface VmaService {
  /** The mapping that contains `address`. */
  find(mm: MmHandle, address: VirtualAddress): VmaView | undefined;
  /** All mappings that intersect `[start, end)`, by address. */
  overlapping(mm: MmHandle, start: VirtualAddress, end: VirtualAddress): readonly VmaView[];
}
