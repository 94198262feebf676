/** A recording on disk: what it is, how much of it has been read, and what was left out while reading. */
import type { EventSink } from './event-sink.ts';

/** How the bytes are packed; told by content, not by name. @public */
export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

/** What the text is; told by content. @public */
export type RecordingFormat = 'mm' | 'lackey' | 'perf-script' | 'strace';

/** How far a reader is. @public */
export interface Progress {
  /** Bytes of the file consumed, packed as they are on disk. */
  readonly bytesRead: number;
  /** Size of the file. */
  readonly totalBytes: number;
  /** Lines of text seen so far. */
  readonly lines: number;
  /** Accesses delivered so far. */
  readonly accesses: number;
}

/** A program image: one process between two `exec`s. @public */
export interface ImageInfo {
  /** Number of the process in the event language. */
  readonly process: number;
  /** Process id in the recorded system; 0 where the recording has none. */
  readonly pid: number;
  readonly command: string;
  /** `open`: the recording stops first. */
  readonly end: 'exit' | 'exec' | 'open';
}

/** A fork, as the recorder wrote it down. @public */
export interface ForkInfo {
  /** Process ids in the recorded system. */
  readonly parent: number;
  readonly child: number;
  /** `fork`, or the flags of `clone` in hexadecimal. */
  flags: string;
}

/** What a reader knows when it has read everything. @public */
export interface RecordingSummary extends Progress {
  /** In the order in which they ended; those that had not ended come last. */
  readonly images: readonly ImageInfo[];
  readonly forks: readonly ForkInfo[];
  /** How often the stream goes from one process to another (lackey: `@PID` lines). */
  readonly processSwitches: number;
  /** Calls that failed in the recording and were left out, by name. */
  readonly failedCalls: Readonly<Record<string, number>>;
  /** Memory calls that the event language cannot say, by name. */
  readonly unsupportedCalls: Readonly<Record<string, number>>;
  /** Threads made by `clone`: they share their process's address space and are no processes. */
  readonly threads: number;
}

/**
 * An opened recording. `read` may be called again: it starts from the beginning, so that `measure` can run before a replay.
 * @public
 */
export interface Recording {
  readonly path: string;
  readonly compression: Compression;
  readonly format: RecordingFormat;
  readonly totalBytes: number;
  /**
   * Delivers the whole recording to `sink`, and yields after each chunk (64 KiB to some MiB of text) for progress and
   * cancellation. Nothing asynchronous happens inside a chunk. Throws `TraceError` on bad input.
   */
  read(sink: EventSink): AsyncGenerator<Progress, RecordingSummary, void>;
}
