/** Processes and threads of a `perf script` recording. */
import type { ProcessActor } from '../event.ts';
import type { Call } from '../lackey/syscall-line.ts';
import type { ImageInfo } from '../recording.ts';
import type { PerfMapping } from './perf-line.ts';

/** A call that a thread has entered and not left. */
export interface OpenCall {
  readonly call: Call;
  /** Line of its `sys_enter`. */
  readonly line: number;
  /** The mapping that the kernel announced meanwhile. */
  mapping?: PerfMapping;
}

/** A page fault, until the thread does something else. */
export interface LastFault {
  readonly line: number;
  readonly page: number;
}

export class PerfThread {
  open: OpenCall | undefined;
  fault: LastFault | undefined;
}

/** Changes as the recording goes on. */
export class PerfProcess {
  readonly pid: number;
  /** Number in the event language. */
  readonly number: number;
  readonly actor: ProcessActor;
  command: string;
  alive = true;
  /** A program is being loaded: mappings that are announced are those of its image. */
  loading = false;
  /** The last mapping of the image that is being loaded. */
  lastMapping: PerfMapping | undefined;
  status: number | undefined;
  /** The stack of an image, until the strings at its top have been delivered. */
  stack: PerfMapping | undefined;

  constructor(pid: number, number: number, command: string) {
    this.pid = pid;
    this.number = number;
    this.actor = { kind: 'process', name: `p${number}` };
    this.command = command;
  }

  /** The image that runs now, as the summary lists it when it has ended. */
  image(end: ImageInfo['end']): ImageInfo {
    return { process: this.number, pid: this.pid, command: this.command, end };
  }
}
