/**
 * Where a recording goes: accesses as plain numbers (millions, nothing is allocated for them), everything else as
 * events of the event language (thousands). Both arrive in the order of the recording.
 */
import type { MmEvent } from './event.ts';
import type { LayoutSegment } from './lackey/layout.ts';
import type { RecordedMaps } from './maps/parse-maps.ts';

/**
 * What an access does. `kernelStore` is the kernel filling a buffer of the process (`read`, `stat`, …): it faults
 * like a store, but no program counter stands behind it, and its size is the buffer's.
 * @public
 */
export const AccessKind = { fetch: 0, load: 1, store: 2, modify: 3, kernelStore: 4 } as const;

/** One of the numbers in the object of the same name. @public */
export type AccessKind = (typeof AccessKind)[keyof typeof AccessKind];

/**
 * Why an event is there. `call`: the program made this call. `image`: the importer derived it from the layout of a
 * new program image (its segments, its stack, where its heap starts) or from what a recording needs to be complete
 * (files, their lengths).
 * @public
 */
export type EventOrigin = 'call' | 'image';

/** A page fault that the recorded system took. @public */
export interface RecordedFault {
  readonly line: number;
  /** Process that faulted. */
  readonly process: number;
  readonly address: number;
  /** Who accessed: the program, or the kernel on its behalf (`copy_to_user`, clearing a new image's data). */
  readonly by: 'user' | 'kernel';
  readonly access: 'read' | 'write' | 'fetch';
  /** The page was there, and did not allow the access. */
  readonly present: boolean;
}

/** A range that the recorded kernel told a secondary MMU to drop. @public */
export interface RecordedInvalidation {
  readonly line: number;
  /** Process whose task ran. Reclaim of a page of several processes names one task for all. */
  readonly process: number;
  readonly start: number;
  readonly end: number;
  /** What went on: a name of a call, `fault`, or `other` (reclaim), and the line on which that began. */
  readonly cause: { readonly name: string; readonly line: number };
}

/** The recorded kernel asked a secondary MMU whether a page had been used. @public */
export interface RecordedAging {
  readonly line: number;
  readonly process: number;
  readonly start: number;
  readonly end: number;
  /** `clear` clears the answer, `test` only looks. */
  readonly how: 'clear' | 'test';
}

/**
 * Accesses of one process in a row, in columns; the reader uses the arrays again.
 * @public
 */
export interface AccessBatch {
  readonly process: number;
  readonly length: number;
  /** Values of `AccessKind`. */
  readonly kinds: Uint8Array;
  readonly addresses: Float64Array;
  readonly sizes: Int32Array;
}

/**
 * A consumer of a recording. Processes are numbered as in the event language: 1 exists at the start, `fork` makes
 * the next one (`event` with verb `fork` and `binding: 'p2'` makes 2).
 *
 * Events of an imported recording carry numbers only; a recording in the event language may hold references (`$a`).
 * @public
 */
export interface EventSink {
  /** One access; it may cross a page boundary. Called for each access line: must not allocate. */
  access(process: number, kind: AccessKind, address: number, size: number): void;
  /** As many calls of `access`. A sink that has it gets most accesses this way, in their order. */
  accessBatch?(batch: AccessBatch): void;
  /** Anything else: an address-space call that succeeded, a fork, an exec, an exit, a file, work of the machine. */
  event(event: MmEvent, origin: EventOrigin): void;
  /** A recorded page fault; the access that faulted follows as {@link EventSink.access}. */
  recordedFault?(fault: RecordedFault): void;
  /** A range that the recorded kernel invalidated; comes before the call that caused it, or behind the fault that did. */
  recordedInvalidation?(invalidation: RecordedInvalidation): void;
  /** A page whose age the recorded kernel asked for. */
  recordedAging?(aging: RecordedAging): void;
  /** The address space that a process of the recording ended with, just before its `exit`: did the replay end with it too? */
  finalLayout?(process: number, segments: readonly LayoutSegment[]): void;
  /** What `/proc/PID/maps` of the recorded system said about a process just before its `exit`, maybe of another run. */
  finalMaps?(process: number, maps: RecordedMaps): void;
}
