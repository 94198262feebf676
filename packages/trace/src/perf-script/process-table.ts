/** The processes of a `perf script` recording: who made whom, which image each runs, and how it ended. */
import type { MmEvent } from '../event.ts';
import { numberArgument } from '../lackey/syscall-line.ts';
import type { ForkInfo, ImageInfo, RecordingSummary } from '../recording.ts';
import type { PerfLine } from './perf-line.ts';
import { type OpenCall, PerfProcess, PerfThread } from './perf-process.ts';

const CLONE_VM = 0x100;

export class PerfProcessTable {
  private readonly images: ImageInfo[] = [];
  private readonly forks: ForkInfo[] = [];
  private readonly processes = new Map<number, PerfProcess>();
  private readonly threads = new Map<number, PerfThread>();
  private readonly emit: (event: MmEvent) => void;
  private threadsMade = 0;
  private count = 0;

  constructor(emit: (event: MmEvent) => void) {
    this.emit = emit;
  }

  get empty(): boolean {
    return this.count === 0;
  }

  /** The process of a line; the first one of a recording begins with its first line. */
  get({ pid, comm }: Pick<PerfLine, 'pid' | 'comm'>): PerfProcess | undefined {
    const known = this.processes.get(pid);
    if (known !== undefined || this.count > 0) return known;
    const first = new PerfProcess(pid, ++this.count, comm);
    first.loading = true;
    this.processes.set(pid, first);
    return first;
  }

  thread(tid: number): PerfThread {
    let thread = this.threads.get(tid);
    if (thread === undefined) {
      thread = new PerfThread();
      this.threads.set(tid, thread);
    }
    return thread;
  }

  addThread(): void {
    this.threadsMade++;
  }

  /** @param open - The call of the parent that makes the child. */
  fork(parent: PerfProcess, pid: number, open: OpenCall | undefined, line: number): void {
    const call = open?.call;
    const flags = call?.name === 'clone' ? numberArgument(call, 0) : 0;
    const verb = call?.name === 'vfork' || (flags & CLONE_VM) !== 0 ? 'vfork' : 'fork';
    const child = new PerfProcess(pid, ++this.count, parent.command);
    this.processes.set(pid, child);
    this.forks.push({ parent: parent.pid, child: pid, flags: flags === 0 ? verb : flags.toString(16) });
    this.emit({ verb, actor: parent.actor, line, binding: child.actor.name });
  }

  /** A new image begins: its mappings are still to come. */
  exec(line: PerfLine, at: number): void {
    const known = this.processes.get(line.pid);
    const process = this.get(line);
    if (process === undefined) return;
    // The first image of a recording is put into an address space that is empty anyway.
    if (known !== undefined) {
      this.images.push(process.image('exec'));
      this.emit({ verb: 'exec', actor: process.actor, line: at });
    }
    this.threads.delete(line.tid);
    process.loading = true;
    process.lastMapping = undefined;
    process.stack = undefined;
    process.command = line.comm;
  }

  exit(process: PerfProcess, line: number): void {
    if (!process.alive) return;
    process.alive = false;
    this.images.push(process.image('exit'));
    const status = process.status === undefined ? {} : { status: process.status };
    this.emit({ verb: 'exit', actor: process.actor, line, ...status });
  }

  finish(): void {
    for (const process of this.processes.values()) if (process.alive) this.images.push(process.image('open'));
  }

  summary(): Pick<RecordingSummary, 'images' | 'forks' | 'threads'> {
    return { images: this.images, forks: this.forks, threads: this.threadsMade };
  }
}
