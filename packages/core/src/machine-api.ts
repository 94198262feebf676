/** What users of a machine hold: processes, files and calls, without the insides of the rooms. */
import type { Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import type { MapsEntry, PagemapEntry } from './mm/maps.ts';
import type { PageFiller } from './page-cache/backing-store.ts';

/** A process of the machine. @public */
export interface Process {
  /** `p1`, `p2`, … in order of creation. */
  readonly name: string;
  /** What a driver is handed. */
  readonly handle: ProcessHandle;
  readonly exited: boolean;
}

/** A file of the machine. @public */
export interface MachineFile {
  readonly name: string | undefined;
  /** Bytes. */
  readonly length: number;
}

/** The files of a machine, by name. Calls on a name that there is not answer `ENOENT`. @public */
export interface MachineFiles {
  get(name: string): MachineFile | undefined;
  /**
   * A file on a disk. @param content - Its bytes, or what fills a page; zeros behind it.
   * @throws UsageError when there is one of that name.
   */
  create(name: string, length: number, content?: Uint8Array | PageFiller): MachineFile;
  /**
   * Brings pages into the page cache ahead of use: all that `[offset, offset + length)` touches, the whole file unless told
   * otherwise. `readahead` @sleeps May. Errors: `ENOMEM`.
   */
  readAhead(name: string, offset?: number, length?: number): Routine<Errno | undefined>;
  /** @sleeps May. */
  truncate(name: string, length: number): Routine<Errno | undefined>;
  /** @sleeps May. */
  write(name: string, offset: number, bytes: Uint8Array): Routine<Errno | undefined>;
  /** Writes dirty pages back. @sleeps May. */
  sync(name: string): Routine<Errno | undefined>;
}

/** One `mmap`, in the words of the event language. @public */
export interface MmapCall {
  readonly address: number;
  readonly length: number;
  /** `rwx` letters, or `-`. */
  readonly prot: string;
  readonly flags: readonly string[];
  readonly file?: MachineFile;
  /** Byte offset in the file. */
  readonly offset?: number;
}

/** Resident pages by kind, and swapped ones. @public */
export interface ResidentPages {
  readonly anon: number;
  readonly file: number;
  readonly shmem: number;
  readonly swap: number;
}

/**
 * System calls as a process makes them: an errno is an answer; words that are none throw a UsageError. `ESRCH`: the process
 * has exited. `EINTR`: it exits or executes another program meanwhile. What only looks throws when the process has exited.
 * @public
 */
export interface MachineSyscalls {
  mmap(process: Process, call: MmapCall): Routine<number | Errno>;
  munmap(process: Process, address: number, length: number): Routine<Errno | undefined>;
  mprotect(process: Process, address: number, length: number, prot: string): Routine<Errno | undefined>;
  mremap(
    process: Process,
    address: number,
    oldLength: number,
    newLength: number,
    flags: readonly string[],
    newAddress: number,
  ): Routine<number | Errno>;
  madvise(process: Process, address: number, length: number, advice: string): Routine<Errno | undefined>;
  /** Reclaim leaves the pages alone. `ENOMEM` where it meets a hole; what lies before is locked. */
  mlock(process: Process, address: number, length: number): Routine<Errno | undefined>;
  munlock(process: Process, address: number, length: number): Routine<Errno | undefined>;
  /** @param flags - Words of `async`, `sync`, `invalidate`. */
  msync(process: Process, address: number, length: number, flags: readonly string[]): Routine<Errno | undefined>;
  /** @returns per page 1 for one that is in memory, 0 for one that is not. */
  mincore(process: Process, address: number, length: number): Routine<Uint8Array | Errno>;
  /** @returns the break as it is afterwards. */
  brk(process: Process, address: number): Routine<number>;
  fork(process: Process): Routine<Process | Errno>;
  /** The child shares the address space until it executes another program or exits. */
  vfork(process: Process): Routine<Process | Errno>;
  /** Drops the address space, when no other task of the process is in a call or access any more: those are killed. */
  exec(process: Process): Routine<Errno | undefined>;
  exit(process: Process): Routine<void>;
  /** A signal becomes pending: the next interruptible wait answers `EINTR`. */
  signal(process: Process): void;
  maps(process: Process): MapsEntry[];
  pagemap(process: Process, address: number, length: number): PagemapEntry[];
  rss(process: Process): ResidentPages;
  /** Where the heap begins; 0 until somebody has said it. */
  heapStart(process: Process): number;
  /** What `exec` does for a program whose image says where its heap begins. */
  setInitialBrk(process: Process, address: number): void;
}
