/** What completed calls mean: memory calls become events, file calls name descriptors, reads fill buffers. */
import { AccessKind } from '../event-sink.ts';
import type { EventSink } from '../event-sink.ts';
import type { MmEvent } from '../event.ts';
import { FileTable } from './files.ts';
import { HARMLESS_ADVICE } from './linux.ts';
import { KERNEL_BUFFER_CALLS, MEMORY_CALLS, UNSUPPORTED_CALLS, kernelBuffer, memoryEvent } from './memory-call.ts';
import { fdArgument, numberArgument, pathArgument } from './syscall-line.ts';
import type { Call, Outcome } from './syscall-line.ts';
import type { TracedProcess } from './traced-process.ts';

const CLONE_VM = 0x100;
const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1030;

/** Calls that write to a file and may make it longer. */
const WRITES: ReadonlySet<string> = new Set([
  'write',
  'pwrite64',
  'writev',
  'pwritev',
  'pwritev2',
  'fallocate',
  'sendfile',
  'copy_file_range',
]);

/** Calls that are counted when they fail. */
const COUNTED: ReadonlySet<string> = new Set([...MEMORY_CALLS, 'fork', 'vfork', 'clone', 'execve', 'execveat']);

/** Every call that means something here; all others are skipped unread. */
const RELEVANT: ReadonlySet<string> = new Set([
  ...COUNTED,
  ...UNSUPPORTED_CALLS,
  ...KERNEL_BUFFER_CALLS,
  ...WRITES,
  ...['clone3', 'exit_group', 'exit', 'wait4', 'waitid', 'ftruncate'],
  ...['open', 'openat', 'openat2', 'creat', 'memfd_create', 'close', 'dup', 'dup2', 'dup3', 'fcntl'],
]);

/** Whether a call is worth parsing. */
export function isRelevant(name: string): boolean {
  return RELEVANT.has(name);
}

/** Handles the calls of all processes. */
export class CallHandler {
  readonly files: FileTable = new FileTable();
  readonly failed: Record<string, number> = {};
  readonly unsupported: Record<string, number> = {};
  threads = 0;
  private readonly emitCall: (event: MmEvent) => void;
  private readonly emitFile: (event: MmEvent) => void;
  private readonly sink: EventSink;
  private anonymousFiles = 0;

  constructor(emitCall: (event: MmEvent) => void, sink: EventSink, emitFile: (event: MmEvent) => void) {
    this.emitCall = emitCall;
    this.sink = sink;
    this.emitFile = emitFile;
  }

  /** A call has its result. */
  complete(process: TracedProcess, call: Call, outcome: Outcome, line: number): void {
    if (!outcome.ok) {
      if (COUNTED.has(call.name)) count(this.failed, call.name);
      return;
    }
    if (UNSUPPORTED_CALLS.has(call.name)) count(this.unsupported, call.name);
    else if (MEMORY_CALLS.has(call.name)) this.memoryCall(process, call, outcome.value, line);
    else if (call.name === 'clone' && call.child === undefined) this.thread(call);
    else this.fileCall(process, call, outcome.value, line);
    const buffer = kernelBuffer(call, outcome.value);
    if (buffer !== undefined && Number.isFinite(buffer[0])) {
      (process.lazy ?? this.sink).access(process.number, AccessKind.kernelStore, buffer[0], buffer[1]);
    }
  }

  private memoryCall(process: TracedProcess, call: Call, result: number, line: number): void {
    const fileName = (fd: number): string => process.descriptors.name(fd, process.pid);
    const event = memoryEvent(call, result, { actor: process.actor, line, fileName });
    if (event === undefined) {
      if (!HARMLESS_ADVICE.has(numberArgument(call, 2))) count(this.unsupported, `madvise ${call.args[2] ?? ''}`);
      return;
    }
    if (event.verb === 'mmap' && event.file !== undefined) {
      this.file(this.files.cover(event.file, (event.offset ?? 0) + event.length, line));
    }
    this.emitCall(event);
  }

  private thread(call: Call): void {
    // `clone ( 3d0f00, …`: flags in hexadecimal without 0x.
    if ((Number.parseInt(call.args[0] ?? '0', 16) & CLONE_VM) !== 0) this.threads++;
  }

  private fileCall(process: TracedProcess, call: Call, result: number, line: number): void {
    const { descriptors } = process;
    switch (call.name) {
      case 'open':
      case 'creat':
        return descriptors.open(result, pathArgument(call, 0) ?? `descriptor-${result}`);
      case 'openat':
      case 'openat2':
        return descriptors.open(result, pathArgument(call, 1) ?? `descriptor-${result}`);
      case 'memfd_create':
        return descriptors.open(result, `memfd:${++this.anonymousFiles}:${pathArgument(call, 0) ?? ''}`);
      case 'close':
        return descriptors.close(fdArgument(call, 0));
      case 'dup':
      case 'dup2':
      case 'dup3':
        return descriptors.duplicate(fdArgument(call, 0), result);
      case 'fcntl': {
        const command = numberArgument(call, 1);
        if (command === F_DUPFD || command === F_DUPFD_CLOEXEC) descriptors.duplicate(fdArgument(call, 0), result);
        return;
      }
      default:
        return this.lengthCall(process, call, line);
    }
  }

  /** Calls that change how long a file is. */
  private lengthCall(process: TracedProcess, call: Call, line: number): void {
    const name = process.descriptors.known(fdArgument(call, 0));
    if (name === undefined) return;
    if (call.name === 'ftruncate') this.file(this.files.truncate(name, numberArgument(call, 1), line));
    else if (WRITES.has(call.name)) this.file(this.files.write(name, line));
  }

  private file(event: MmEvent | undefined): void {
    if (event !== undefined) this.emitFile(event);
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
