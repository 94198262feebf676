/**
 * `strace -f -y` logs of memory and process calls, as events.
 *
 * - A call is delivered where it ends, with the line on which it began; one that failed is counted and left out.
 * - strace does not show what `execve` maps. Where a maps file says what that is, it is mapped when the first call needs
 *   it ({@link ImageEvidence}); else, and in other images, calls that need memory which no call has mapped are left out
 *   and counted.
 * - There are no accesses in such a log.
 */
import type { EventOrigin, EventSink } from '../event-sink.ts';
import type { MmapFlag, MmEvent } from '../event.ts';
import { FileTable, fileWord } from '../lackey/files.ts';
import { HARMLESS_ADVICE } from '../lackey/linux.ts';
import { MEMORY_CALLS, UNSUPPORTED_CALLS, isPlausible, memoryEvent } from '../lackey/memory-call.ts';
import { type Call, numberArgument } from '../lackey/syscall-line.ts';
import type { MapsArea, RecordedMaps } from '../maps/parse-maps.ts';
import { pageUp } from '../pages.ts';
import type { LineImporter } from '../text-lines.ts';
import { TraceError, quote } from '../trace-error.ts';
import { numberedCall } from './constants.ts';
import { ImageEvidence } from './image-evidence.ts';
import { type BegunCall, MAKERS, type StraceProcess, StraceProcessTable, type StraceThread } from './process-table.ts';
import { parseStraceLine } from './strace-line.ts';

/** Calls that fail where something in their range is not mapped. */
const NEED_MEMORY: ReadonlySet<string> = new Set([
  'mprotect',
  'mremap',
  'madvise',
  'mlock',
  'munlock',
  'msync',
  'mincore',
]);

/** A maps file, and which image of the first process it shows (from 1). */
export interface MapsEvidence {
  readonly maps: RecordedMaps;
  readonly image: number;
}

export class StraceImporter implements LineImporter {
  lines = 0;
  readonly accesses = 0;
  private readonly file: string;
  private readonly sink: EventSink;
  private readonly evidence: MapsEvidence | undefined;
  private readonly processes: StraceProcessTable;
  private readonly files = new FileTable();
  private readonly failed: Record<string, number> = {};
  private readonly unsupported: Record<string, number> = {};
  private switches = 0;
  private last: StraceProcess | undefined;

  constructor(file: string, sink: EventSink, evidence?: MapsEvidence) {
    this.file = file;
    this.sink = sink;
    this.evidence = evidence;
    this.processes = new StraceProcessTable((event) => this.sink.event(event, 'call'));
  }

  line(text: string): void {
    this.lines++;
    if (text.trim() === '') return;
    const line =
      parseStraceLine(text) ?? this.fail(quote(text), 'a line of strace: [PID ]TIME NAME(ARGUMENTS) = RESULT');
    if (line.kind === 'note') return;
    if (line.kind === 'ended') return this.ended(line.tid, line.status);
    const thread =
      this.processes.thread(line.tid) ??
      this.fail(
        `a call of process ${line.tid}`,
        'a fork, vfork or clone that made it before (strace -f from the start)',
      );
    if (this.last !== undefined && this.last !== thread.process) this.switches++;
    this.last = thread.process;
    if (line.kind === 'unfinished') return this.begin(thread, line.name, line.args);
    const { begun } = thread;
    thread.begun = undefined;
    if (line.kind === 'call') return this.call(thread, { ...line, line: this.lines }, line.result);
    // What a thread was in when strace came to it has no beginning.
    if (begun?.name !== line.name) return;
    this.call(thread, { ...begun, args: begun.args + line.args }, line.result);
  }

  finish(): void {
    for (const process of this.processes.alive()) this.finalMaps(process);
  }

  summary(): ReturnType<LineImporter['summary']> {
    return {
      ...this.processes.summary(),
      processSwitches: this.switches,
      failedCalls: this.failed,
      unsupportedCalls: this.unsupported,
    };
  }

  private fail(found: string, expected: string): never {
    throw new TraceError({ code: 'syntax', file: this.file, line: this.lines, column: 1, found, expected });
  }

  private begin(thread: StraceThread, name: string, args: string): void {
    thread.begun = { name, args, line: this.lines };
    if (name === 'exit_group') thread.process.status = parseInt(args, 10) & 0xff;
  }

  private call(thread: StraceThread, begun: BegunCall, result: number): void {
    const { process } = thread;
    const { name, args, line } = begun;
    if (name === 'exit_group') process.status = parseInt(args, 10) & 0xff;
    // `?`: it never came back.
    if (Number.isNaN(result)) return;
    const counts = MEMORY_CALLS.has(name) || MAKERS.has(name) || name.startsWith('execve');
    if (result < 0) return counts ? count(this.failed, name) : undefined;
    if (MAKERS.has(name)) this.processes.made(process, begun, result);
    else if (name === 'execve' || name === 'execveat') this.exec(process, args, line);
    else if (UNSUPPORTED_CALLS.has(name)) count(this.unsupported, name);
    else if (MEMORY_CALLS.has(name)) this.memoryCall(process, numberedCall(name, args), result, line);
  }

  private exec(process: StraceProcess, args: string, line: number): void {
    const command = /"((?:[^"\\]|\\.)*)"/.exec(args)?.[1] ?? '';
    this.processes.exec(process, command, line);
    if (process.number !== 1 || process.images !== this.evidence?.image) return;
    process.evidence = new ImageEvidence(this.evidence.maps);
    const { stack } = process.evidence;
    if (stack !== undefined) this.mapImage(process, stack, line);
  }

  private memoryCall(process: StraceProcess, call: Call, result: number, line: number): void {
    if (!isPlausible(call, result)) return count(this.unsupported, `${call.name} of an impossible range`);
    const descriptor = /^-?\d+<(.*?)>(?:\(deleted\))?$/.exec(call.args[4] ?? '')?.[1];
    const fileName = (fd: number): string =>
      descriptor === undefined
        ? `descriptor-${fd}-of-${process.pid}`
        : fileWord(descriptor.replace(/ \(deleted\)$/, ''));
    const event = memoryEvent(call, result, { actor: process.actor, line, fileName });
    if (event === undefined) {
      if (!HARMLESS_ADVICE.has(numberArgument(call, 2))) count(this.unsupported, `madvise ${call.args[2] ?? ''}`);
      return;
    }
    if (event.verb === 'brk' && !process.hasHeap) return this.firstBreak(process, event.address !== 0, result, line);
    const start = numberArgument(call, 0);
    const end = pageUp(start + numberArgument(call, 1));
    if (NEED_MEMORY.has(call.name) && !this.isThere(process, call, start, end, line))
      return count(this.unsupported, `${call.name} of memory that no call mapped`);
    this.emit(process, event, 'call');
  }

  /** A program asks for its break before it moves it; where the log begins later, the heap begins later. */
  private firstBreak(process: StraceProcess, moved: boolean, result: number, line: number): void {
    process.hasHeap = true;
    if (moved) count(this.unsupported, 'brk of a heap that began unseen');
    const recorded = { kind: 'number', value: result } as const;
    this.emit(process, { verb: 'brk', actor: process.actor, line, address: 0, recorded }, 'call');
  }

  /** Whether a range is mapped, after the image has been mapped if that is where it lies. */
  private isThere(process: StraceProcess, call: Call, start: number, end: number, line: number): boolean {
    const { memory, evidence } = process;
    if (memory.covers(start, end)) return true;
    if (call.name !== 'mprotect' || evidence === undefined) return false;
    const image = evidence.place(start, end - start, (from, to) => !memory.meets(from, to));
    for (const area of image) this.mapImage(process, area, line);
    return image.length > 0;
  }

  private mapImage(process: StraceProcess, area: MapsArea, line: number): void {
    const { start, end, protection, name, offset } = area;
    const recorded = { kind: 'number', value: start } as const;
    const base = {
      verb: 'mmap',
      actor: process.actor,
      line,
      address: start,
      length: end - start,
      protection,
      recorded,
    } as const;
    const anonymous = name === '' || name === '[stack]';
    const flags: MmapFlag[] = ['private', 'fixed', ...(anonymous ? (['anonymous'] as const) : [])];
    if (name === '[stack]') flags.push('growsdown', 'stack');
    this.emit(process, { ...base, flags, ...(anonymous ? {} : { file: fileWord(name), offset }) }, 'image');
  }

  private emit(process: StraceProcess, event: MmEvent, origin: EventOrigin): void {
    if (event.verb === 'mmap' && event.file !== undefined) {
      const created = this.files.cover(event.file, (event.offset ?? 0) + event.length, event.line);
      if (created !== undefined) this.sink.event(created, 'image');
    }
    process.memory.follow(event);
    this.sink.event(event, origin);
  }

  private ended(tid: number, status: number | undefined): void {
    const process = this.processes.ended(tid);
    if (process === undefined) return;
    process.status = status ?? process.status;
    this.finalMaps(process);
    this.processes.exit(process, this.lines);
  }

  private finalMaps(process: StraceProcess): void {
    if (process.evidence !== undefined && this.evidence !== undefined)
      this.sink.finalMaps?.(process.number, this.evidence.maps);
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
