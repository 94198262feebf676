/** The processes of a recording: who forked whom, which image each runs, and how it ended. */
import type { EventSink } from '../event-sink.ts';
import type { ForkInfo, ImageInfo } from '../recording.ts';
import { TracedProcess } from './traced-process.ts';

/** A header (`==PID== Command: …`) of a process that nobody has announced yet. */
interface PendingHeader {
  readonly pid: number;
  readonly command: string;
}

/** Makes and ends processes, and tells the sink. */
export class ProcessTable {
  /** In the order in which they ended. */
  readonly images: ImageInfo[] = [];
  readonly forks: ForkInfo[] = [];
  private readonly processes = new Map<number, TracedProcess>();
  private readonly consumer: EventSink;
  private readonly line: () => number;
  private header: PendingHeader | undefined;
  private count = 0;

  constructor(consumer: EventSink, line: () => number) {
    this.consumer = consumer;
    this.line = line;
  }

  /** Whether any process has been seen. */
  get empty(): boolean {
    return this.count === 0;
  }

  /** The process that has or last had this id. */
  get(pid: number): TracedProcess | undefined {
    return this.processes.get(pid);
  }

  /** Whether the header of `pid` waits for {@link ProcessTable.settle}. */
  isPending(pid: number): boolean {
    return this.header?.pid === pid;
  }

  /** A header of a process that is not known: which one made it, a later line may tell. */
  announce(pid: number, command: string): void {
    this.header = { pid, command };
  }

  /**
   * Makes the process of a waiting header: the first one of the recording, or a fork of its parent. Answers `'orphan'` when
   * no process lives that could have forked it.
   */
  settle(parentPid?: number): TracedProcess | 'orphan' | undefined {
    const { header } = this;
    if (header === undefined) return undefined;
    this.header = undefined;
    if (this.count === 0) {
      this.count = 1;
      const process = new TracedProcess(header.pid, 1, header.command);
      this.processes.set(header.pid, process);
      return process;
    }
    const named = parentPid === undefined ? undefined : this.processes.get(parentPid);
    const parent = named?.alive === true ? named : [...this.processes.values()].find((candidate) => candidate.alive);
    if (parent === undefined) return 'orphan';
    const child = this.fork(parent, header.pid, 'fork');
    child.command = header.command;
    child.early = this.forks.at(-1);
    // A process whose parent is not recorded shares nothing with the ones that are.
    if (parent !== named) this.exec(child);
    return child;
  }

  /** `parent created child pid`. */
  fork(parent: TracedProcess, pid: number, flags: string): TracedProcess {
    const child = new TracedProcess(pid, ++this.count, parent.command, parent.descriptors.clone());
    this.processes.set(pid, child);
    child.mapped = parent.mapped;
    child.lazy = parent.lazy?.fork(child.actor);
    this.forks.push({ parent: parent.pid, child: pid, flags });
    this.consumer.event({ verb: 'fork', actor: parent.actor, line: this.line(), binding: child.actor.name }, 'call');
    return child;
  }

  /** A new image begins: its layout is still to come. */
  exec(process: TracedProcess): void {
    process.execing = false;
    process.unfinished = undefined;
    process.pending.clear();
    process.mapped = false;
    process.lazy = undefined;
    this.images.push(process.image('exec'));
    this.consumer.event({ verb: 'exec', actor: process.actor, line: this.line() }, 'call');
  }

  /** The end of a process. */
  exit(process: TracedProcess): void {
    if (!process.alive) return;
    process.alive = false;
    this.images.push(process.image('exit'));
    const status = process.status === undefined ? {} : { status: process.status };
    this.consumer.event({ verb: 'exit', actor: process.actor, line: this.line(), ...status }, 'call');
  }

  /** The recording is over: who called `exit_group` has ended, the others are open. */
  finish(): void {
    for (const process of this.processes.values()) {
      if (!process.alive) continue;
      if (process.exiting) this.exit(process);
      else this.images.push(process.image('open'));
    }
  }
}
