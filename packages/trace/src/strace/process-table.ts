/** Processes and threads of an strace log: who made whom, which image each runs, and how it ended. */
import type { MmEvent, ProcessActor } from '../event.ts';
import { KnownMemory } from '../known-memory.ts';
import type { ForkInfo, ImageInfo, RecordingSummary } from '../recording.ts';
import type { ImageEvidence } from './image-evidence.ts';

/** Changes as the log goes on. */
export class StraceProcess {
  readonly pid: number;
  /** Number in the event language. */
  readonly number: number;
  readonly actor: ProcessActor;
  command: string;
  alive = true;
  status: number | undefined;
  /** Images that have begun. */
  images = 0;
  memory: KnownMemory;
  /** Whether the log has said where the heap begins. */
  hasHeap = false;
  /** Where the image lies, while it is the one that a maps file shows. */
  evidence: ImageEvidence | undefined;

  constructor(pid: number, number: number, command: string, memory: KnownMemory) {
    this.pid = pid;
    this.number = number;
    this.actor = { kind: 'process', name: `p${number}` };
    this.command = command;
    this.memory = memory;
  }

  /** The image that runs now, as the summary lists it when it has ended. */
  image(end: ImageInfo['end']): ImageInfo {
    return { process: this.number, pid: this.pid, command: this.command, end };
  }
}

/** A call that a thread has begun. */
export interface BegunCall {
  readonly name: string;
  readonly args: string;
  readonly line: number;
}

export interface StraceThread {
  readonly process: StraceProcess;
  begun: BegunCall | undefined;
}

/** Calls that make processes or threads. */
export const MAKERS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone3']);

export class StraceProcessTable {
  private readonly images: ImageInfo[] = [];
  private readonly forks: ForkInfo[] = [];
  private readonly processes: StraceProcess[] = [];
  private readonly byTid = new Map<number, StraceThread>();
  private readonly emit: (event: MmEvent) => void;
  private threads = 0;

  constructor(emit: (event: MmEvent) => void) {
    this.emit = emit;
  }

  /** Those that have not ended. */
  alive(): StraceProcess[] {
    return this.processes.filter(({ alive }) => alive);
  }

  /** The thread of a line. One that nobody has named yet was made by the call that has waited longest for its result. */
  thread(tid: number): StraceThread | undefined {
    const known = this.byTid.get(tid);
    if (known !== undefined) return known;
    if (this.processes.length === 0) return this.start(new StraceProcess(tid, 1, '', new KnownMemory()), tid);
    const makers = [...this.byTid.values()].filter(({ begun }) => begun !== undefined && MAKERS.has(begun.name));
    const [maker] = makers.sort((a, b) => (a.begun?.line ?? 0) - (b.begun?.line ?? 0));
    if (maker?.begun === undefined) return undefined;
    this.made(maker.process, maker.begun, tid);
    return this.byTid.get(tid);
  }

  /** A call of `parent` made `tid`: told by its result, or before that by the first line of the new one. */
  made(parent: StraceProcess, { name, args, line }: BegunCall, tid: number): void {
    if (this.byTid.has(tid)) return;
    if (args.includes('CLONE_THREAD')) {
      this.threads++;
      this.byTid.set(tid, { process: parent, begun: undefined });
      return;
    }
    const verb = name === 'vfork' || /\bCLONE_VM\b/.test(args) ? 'vfork' : 'fork';
    const memory = verb === 'vfork' ? parent.memory : parent.memory.clone();
    const child = new StraceProcess(tid, this.processes.length + 1, parent.command, memory);
    child.hasHeap = parent.hasHeap;
    child.images = 1;
    this.start(child, tid);
    this.forks.push({ parent: parent.pid, child: tid, flags: verb });
    this.emit({ verb, actor: parent.actor, line, binding: child.actor.name });
  }

  /** A new image begins. */
  exec(process: StraceProcess, command: string, line: number): void {
    // The first image of a recording is put into an address space that is empty anyway.
    if (process.images > 0) {
      this.images.push(process.image('exec'));
      this.emit({ verb: 'exec', actor: process.actor, line });
    }
    process.images++;
    process.command = command;
    process.memory = new KnownMemory();
    process.hasHeap = false;
    process.evidence = undefined;
  }

  /** A thread ended; with the first one of a process ends the process. @returns that process. */
  ended(tid: number): StraceProcess | undefined {
    const process = this.byTid.get(tid)?.process;
    this.byTid.delete(tid);
    return process?.pid === tid ? process : undefined;
  }

  exit(process: StraceProcess, line: number): void {
    process.alive = false;
    this.images.push(process.image('exit'));
    const status = process.status === undefined ? {} : { status: process.status };
    this.emit({ verb: 'exit', actor: process.actor, line, ...status });
  }

  summary(): Pick<RecordingSummary, 'images' | 'forks' | 'threads'> {
    const open = this.alive().map((process) => process.image('open'));
    return { images: [...this.images, ...open], forks: this.forks, threads: this.threads };
  }

  private start(process: StraceProcess, tid: number): StraceThread {
    const thread = { process, begun: undefined };
    this.processes.push(process);
    this.byTid.set(tid, thread);
    return thread;
  }
}
