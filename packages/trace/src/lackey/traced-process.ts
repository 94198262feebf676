/** What the importer knows about one process of a recording. */
import type { ProcessActor } from '../event.ts';
import type { ForkInfo, ImageInfo } from '../recording.ts';
import { DescriptorTable } from './files.ts';
import type { LayoutReader } from './layout.ts';
import type { LazyMapper } from './lazy-mapper.ts';
import type { Call } from './syscall-line.ts';

/** Changes as the recording goes on. */
export class TracedProcess {
  readonly pid: number;
  /** Number in the event language. */
  readonly number: number;
  readonly actor: ProcessActor;
  command: string;
  descriptors: DescriptorTable;
  /** Calls that wait for their `[async]` result, by thread. */
  readonly pending: Map<number, Call> = new Map();
  /** A call whose result stands alone in a later line. */
  unfinished: Call | undefined;
  /** `execve` was called and has not failed: the next header begins a new image. */
  execing = false;
  /** `exit_group` was called; the process ends behind its last layout. */
  exiting = false;
  status: number | undefined;
  /** A layout that is being read. */
  layout: LayoutReader | undefined;
  /** Stands between scanner and sink while this image has no layout. */
  lazy: LazyMapper | undefined;
  /** The image has a layout, or inherited one. */
  mapped = false;
  alive = true;
  /** Its header came before the parent's `created child N`: the fork that this line will tell more about. */
  early: ForkInfo | undefined;

  constructor(pid: number, number: number, command: string, descriptors: DescriptorTable = new DescriptorTable()) {
    this.pid = pid;
    this.number = number;
    this.actor = { kind: 'process', name: `p${number}` };
    this.command = command;
    this.descriptors = descriptors;
  }

  /** The image that runs now, as the summary lists it when it has ended. */
  image(end: ImageInfo['end']): ImageInfo {
    return { process: this.number, pid: this.pid, command: this.command, end };
  }
}
