/**
 * Lackey recordings as events: a state machine over the lines that are no accesses.
 *
 * Order is that of the recording, with these rules:
 *
 * - A call takes effect where its result stands; a call without a result did not happen.
 * - A fork is where the parent's `created child N` stands, or, when the child's header comes first (the parent was
 *   suspended until the child's exec or exit), at the child's header.
 * - A header behind an `execve` is an exec; the layout behind it makes the new image's mappings.
 * - A process ends behind its shutdown layout, so that accesses of other threads after `exit_group` are kept.
 */
import type { EventOrigin, EventSink } from '../event-sink.ts';
import type { MmEvent } from '../event.ts';
import { TraceError, quote } from '../trace-error.ts';
import { CallHandler, isRelevant } from './call-handler.ts';
import { imageEvents } from './image-events.ts';
import { LayoutReader } from './layout.ts';
import { LazyMapper } from './lazy-mapper.ts';
import { isPlausible } from './memory-call.ts';
import { ProcessTable } from './process-table.ts';
import type { ScanTarget } from './scan.ts';
import { parseOutcome, parseSyscallLine, peekName } from './syscall-line.ts';
import type { Call, Outcome } from './syscall-line.ts';
import type { TracedProcess } from './traced-process.ts';

/** Reads lines; `scanLines` calls it. */
export class LackeyImporter implements ScanTarget {
  process = 0;
  sink: Pick<EventSink, 'access' | 'accessBatch'>;
  lines = 0;
  accesses = 0;
  readonly processes: ProcessTable;
  processSwitches = 0;
  readonly calls: CallHandler;
  private readonly file: string;
  private readonly consumer: EventSink;
  private current: TracedProcess | undefined;
  /** Calls of all processes that wait for their `[async]` result. */
  private pendingCalls = 0;

  constructor(file: string, consumer: EventSink) {
    this.file = file;
    this.consumer = consumer;
    this.sink = consumer;
    this.processes = new ProcessTable(consumer, () => this.lines);
    this.calls = new CallHandler(
      (event) => this.emit(event, 'call'),
      consumer,
      (event) => this.emit(event, 'image'),
    );
  }

  /** One line that is no access. */
  text(line: string): void {
    if (line.startsWith('@')) this.switchLine(line);
    else if (line.startsWith('SYSCALL[')) this.syscallLine(line);
    else if (/^\s*-->/.test(line)) this.outcomeLine(line);
    else if (line.startsWith('==')) this.headerLine(line);
    else if (line.startsWith('--')) this.debugLine(line);
    else if (line.trim() !== '' && !/^\*\*\d+\*\*/.test(line)) {
      this.fail(quote(line), "a line of lackey (is the program's own output mixed in? record with --log-file)");
    }
  }

  /** The recording is over. */
  finish(): void {
    this.settleHeader();
    if (this.processes.empty) this.fail('the end of the recording', 'a header (==PID== Command: …)');
    this.processes.finish();
  }

  private fail(found: string, expected: string): never {
    throw new TraceError({ code: 'syntax', file: this.file, line: this.lines, column: 1, found, expected });
  }

  private emit(event: MmEvent, origin: EventOrigin): void {
    this.consumer.event(event, origin);
    if (origin === 'call') this.current?.lazy?.follow(event);
  }

  private switchLine(line: string): void {
    const pid = line.length <= 10 ? Number(line.slice(1)) : Number.NaN;
    if (!Number.isInteger(pid) || pid < 1) return this.fail(quote(line), '@PID');
    this.processSwitches++;
    this.settleHeader();
    this.select(this.processes.get(pid));
  }

  /** Lines that follow belong to `process`; `undefined` until its header has come. */
  private select(process: TracedProcess | undefined): void {
    this.current = process;
    this.process = process?.alive === true ? process.number : 0;
    this.sink = process === undefined ? this.consumer : this.sinkOf(process);
  }

  private sinkOf(process: TracedProcess): Pick<EventSink, 'access' | 'accessBatch'> {
    if (process.mapped) return process.lazy ?? this.consumer;
    return {
      access: (number, kind, address, size) => {
        this.ensureImage(process);
        this.sink.access(number, kind, address, size);
      },
    };
  }

  private headerLine(line: string): void {
    const match = /^==(\d{1,9})== ?(.*)$/.exec(line);
    if (match === null) return this.fail(quote(line), '==PID== and a message of valgrind');
    const pid = Number(match[1]);
    const message = match[2] ?? '';
    const command = /^Command: (.*)$/.exec(message)?.[1];
    if (command !== undefined) return this.commandLine(pid, command);
    const parent = /^Parent PID: (\d+)$/.exec(message)?.[1];
    if (parent !== undefined && this.processes.isPending(pid)) this.settleHeader(Number(parent));
    const status = /^Exit code: +(\d+)$/.exec(message)?.[1];
    const process = this.processes.get(pid);
    if (status !== undefined && process?.alive === true) {
      process.exiting = true;
      process.status = Number(status) % 256;
    }
  }

  private commandLine(pid: number, command: string): void {
    this.settleHeader();
    const process = this.processes.get(pid);
    if (process?.alive !== true) {
      this.processes.announce(pid, command);
      if (this.processes.empty) this.settleHeader();
      return;
    }
    if (process.execing) {
      this.pendingCalls -= process.pending.size;
      this.processes.exec(process);
      this.reselect(process);
    }
    process.command = command;
  }

  /** Nothing of a process may come before it has been made. */
  private settleHeader(parentPid?: number): void {
    const process = this.processes.settle(parentPid);
    if (process === 'orphan')
      this.fail('a header of one more process', 'a process that one of the recorded ones has forked');
    else if (process !== undefined) this.select(process);
  }

  private exit(process: TracedProcess): void {
    this.processes.exit(process);
    this.reselect(process);
  }

  /** Something about `process` has changed that decides where its accesses go. */
  private reselect(process: TracedProcess): void {
    if (this.current === process) this.select(process);
  }

  private syscallLine(line: string): void {
    this.settleHeader();
    const name = peekName(line);
    if (name === '...' ? this.pendingCalls === 0 : name !== '' && !isRelevant(name)) {
      if (this.current !== undefined && name !== '...') this.current.unfinished = undefined;
      return;
    }
    const parsed = parseSyscallLine(line);
    if (parsed === undefined)
      return this.fail(quote(line), 'SYSCALL[PID,TID](NUMBER) NAME ( ARGUMENTS ) and its result');
    const process = this.processes.get(parsed.pid);
    if (process === undefined) return this.fail(quote(line), `a header of process ${parsed.pid} before its first call`);
    this.ensureImage(process);
    if (parsed.call === undefined) {
      const call = process.pending.get(parsed.tid);
      if (process.pending.delete(parsed.tid)) this.pendingCalls--;
      if (call !== undefined && parsed.outcome !== undefined) this.complete(process, call, parsed.outcome);
    } else if (parsed.async) {
      if (!process.pending.has(parsed.tid)) this.pendingCalls++;
      process.pending.set(parsed.tid, parsed.call);
    } else if (parsed.outcome === undefined) this.begin(process, parsed.call);
    else {
      this.begin(process, parsed.call);
      process.unfinished = undefined;
      this.complete(process, parsed.call, parsed.outcome);
    }
  }

  /** A call whose result is still to come, perhaps as a new image or never. */
  private begin(process: TracedProcess, call: Call): void {
    process.unfinished = call;
    if (call.name === 'execve' || call.name === 'execveat') process.execing = true;
    if (call.name === 'exit_group') {
      process.exiting = true;
      process.status = Number(call.args[0] ?? 0) & 0xff;
    }
    if (call.child === undefined) return;
    const flags = call.name === 'clone' ? (call.args[0] ?? '') : call.name;
    const early = this.processes.get(call.child)?.early;
    if (early === undefined) this.processes.fork(process, call.child, flags);
    else early.flags = flags;
  }

  private outcomeLine(line: string): void {
    const outcome = parseOutcome(line);
    if (outcome === undefined) return this.fail(quote(line), '--> Success(0x…) or --> Failure(0x…)');
    const process = this.current;
    const call = process?.unfinished;
    if (process === undefined || call === undefined) return;
    process.unfinished = undefined;
    this.complete(process, call, outcome);
  }

  private complete(process: TracedProcess, call: Call, outcome: Outcome): void {
    if (call.name.startsWith('execve')) process.execing = false;
    if (outcome.ok && !isPlausible(call, outcome.value)) {
      const found = `${call.name} ( ${call.args.join(', ')} ) with the result 0x${outcome.value.toString(16)}`;
      this.fail(found, 'addresses and lengths below 2^47');
    }
    const before = this.current;
    this.current = process;
    this.calls.complete(process, call, outcome, this.lines);
    this.current = before;
    if (!outcome.ok || (call.name !== 'wait4' && call.name !== 'waitid')) return;
    const ended = this.processes.get(outcome.value);
    if (ended?.exiting === true) this.exit(ended);
  }

  /** A process that runs without a layout gets its mappings lazily. */
  private ensureImage(process: TracedProcess): void {
    if (process.mapped) return;
    process.mapped = true;
    process.lazy = new LazyMapper(process.actor, this.consumer, () => this.lines);
    this.reselect(process);
  }

  /** `--PID--` and `--PID:N:` lines: layouts matter, everything else is talk. */
  private debugLine(line: string): void {
    const layout = /^--(\d{1,9}):\d+: ?aspacem (.*)$/.exec(line);
    if (layout === null) {
      if (!/^--\d{1,9}(--|:)/.test(line)) this.fail(quote(line), '--PID-- and a message of valgrind');
      return;
    }
    this.settleHeader();
    const process = this.processes.get(Number(layout[1]));
    const text = layout[2] ?? '';
    if (process === undefined)
      return this.fail(quote(line), `a header of process ${layout[1] ?? ''} before its layout`);
    const start = /^<<< SHOW_SEGMENTS: Memory layout at client (startup|shutdown)/.exec(text);
    if (start !== null) process.layout = new LayoutReader(start[1] as 'startup' | 'shutdown');
    else if (text.startsWith('>>>')) this.layoutEnd(process);
    else if (process.layout?.line(text) === false) this.fail(quote(text), 'a segment of an address space');
  }

  private layoutEnd(process: TracedProcess): void {
    const layout = process.layout?.finish();
    process.layout = undefined;
    if (layout === undefined) return;
    if (layout.when === 'shutdown') {
      this.consumer.finalLayout?.(process.number, layout.segments);
      return this.exit(process);
    }
    process.mapped = true;
    for (const event of imageEvents(process, layout, this.calls.files, this.lines)) this.consumer.event(event, 'image');
    this.reselect(process);
  }
}
