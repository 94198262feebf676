/**
 * `perf script` recordings of page faults, memory calls and KVM's notifier callbacks, as events.
 *
 * - A call is delivered where it ends, with the line on which it began; one that failed is counted and left out. File
 *   names come from the mapping that the kernel announces inside the call.
 * - A fork is where the kernel announces the child, so what it invalidates comes before it. The child of `vfork`, and of
 *   `clone` with `CLONE_VM`, shares the address space until it executes another program. Threads are not processes.
 * - `PERF_RECORD_COMM exec` begins a new image; the mappings announced until `execve` returns are its first ones.
 * - A fault is an access of one byte, preceded by {@link EventSink.recordedFault}.
 * - An invalidation belongs to the fault that its thread took last, when it is of that page; else to the call that the
 *   thread is in; else to that fault, when the page is in its range; else to nobody (`other`).
 */
import { AccessKind } from '../event-sink.ts';
import type { EventOrigin, EventSink, RecordedFault } from '../event-sink.ts';
import type { MmEvent } from '../event.ts';
import { FileTable } from '../lackey/files.ts';
import { HARMLESS_ADVICE } from '../lackey/linux.ts';
import { MEMORY_CALLS, UNSUPPORTED_CALLS, isPlausible, memoryEvent } from '../lackey/memory-call.ts';
import { numberArgument } from '../lackey/syscall-line.ts';
import { PAGE_SIZE } from '../pages.ts';
import { ADDRESS_LIMIT } from '../script/number.ts';
import type { LineImporter } from '../text-lines.ts';
import { TraceError, quote } from '../trace-error.ts';
import { FileNames, imageMapping } from './image-mapping.ts';
import { type PerfLine, hexNumber, parseArguments, parseMapping, parsePerfLine } from './perf-line.ts';
import type { OpenCall, PerfProcess, PerfThread } from './perf-process.ts';
import { PerfProcessTable } from './process-table.ts';

const ERROR_CODE = { present: 1, write: 2, fetch: 16 } as const;

/** Calls that cannot succeed beyond the end of an address space. */
const LAYOUT_CALLS: ReadonlySet<string> = new Set(['brk', 'mmap', 'munmap', 'mprotect', 'mremap']);

/** Results of the last page below 2^64 are errors. */
const FIRST_ERROR = 2 ** 63;

export class PerfScriptImporter implements LineImporter {
  lines = 0;
  accesses = 0;
  private readonly file: string;
  private readonly sink: EventSink;
  private readonly processes: PerfProcessTable;
  private readonly files = new FileTable();
  private readonly names = new FileNames();
  private readonly failed: Record<string, number> = {};
  private readonly unsupported: Record<string, number> = {};
  private switches = 0;
  private lastPid = 0;

  constructor(file: string, sink: EventSink) {
    this.file = file;
    this.sink = sink;
    this.processes = new PerfProcessTable((event) => this.emit(event, 'call'));
  }

  line(text: string): void {
    this.lines++;
    if (text.trim() === '' || text.startsWith('#')) return;
    const line = parsePerfLine(text);
    if (line === undefined) this.fail(quote(text), 'a line of perf script: COMM PID/TID SECONDS: EVENT: TEXT');
    if (line.pid !== this.lastPid) this.switches++;
    this.lastPid = line.pid;
    const [group, name = ''] = line.event.split(':') as [string, string?];
    if (group === 'syscalls') this.syscall(line, name);
    else if (group === 'exceptions') this.fault(line, name);
    else if (group === 'kvm') this.callback(line, name);
    else if (group === 'sched') this.schedule(line, name);
    else if (group.startsWith('PERF_RECORD_')) this.record(line);
  }

  finish(): void {
    if (this.processes.empty) this.fail('the end of the recording', 'a process (PERF_RECORD_COMM exec: …)');
    this.processes.finish();
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

  private emit(event: MmEvent, origin: EventOrigin): void {
    this.sink.event(event, origin);
  }

  private process(line: PerfLine): PerfProcess {
    return (
      this.processes.get(line) ??
      this.fail(`an event of process ${line.pid}`, 'PERF_RECORD_COMM exec or PERF_RECORD_FORK of it before')
    );
  }

  private record(line: PerfLine): void {
    if (line.event === 'PERF_RECORD_COMM') {
      if (line.text.startsWith('exec: ')) this.processes.exec(line, this.lines);
    } else if (line.event === 'PERF_RECORD_MMAP2') this.mapping(line);
    else if (line.event === 'PERF_RECORD_FORK') this.fork(line);
    else if (line.event.startsWith('PERF_RECORD_LOST'))
      this.fail(line.event, 'a recording without lost events (record with a larger buffer: perf record -m)');
  }

  private mapping(line: PerfLine): void {
    const mapping = parseMapping(line.text);
    if (mapping === undefined) {
      if (/\[0xf{4}[0-9a-f]{12}\(/.test(line.text)) return;
      this.fail(quote(line.text), 'a mapping: PID/TID: [0xSTART(0xLENGTH) @ OFFSET MAJ:MIN INODE GEN]: rwxp NAME');
    }
    const process = this.process(line);
    const { open } = this.processes.thread(line.tid);
    if (process.loading) {
      const events = imageMapping(process, mapping, this.names.name(mapping), this.files, this.lines);
      for (const event of events) this.emit(event, 'image');
      if (mapping.name === '[stack]') process.stack = mapping;
    } else if (open !== undefined) open.mapping ??= mapping;
  }

  private fork(line: PerfLine): void {
    const match = /^\((\d+):(\d+)\):\((\d+):(\d+)\)$/.exec(line.text);
    if (match === null) return this.fail(quote(line.text), '(PID:TID):(PARENT PID:PARENT TID)');
    const [child, , parent] = match.slice(1).map(Number) as [number, number, number, number];
    if (child === parent) return this.processes.addThread();
    const { open } = this.processes.thread(line.tid);
    this.processes.fork(this.process({ ...line, pid: parent }), child, open, open?.line ?? this.lines);
  }

  private syscall(line: PerfLine, event: string): void {
    const match = /^sys_(enter|exit)_(\w+)$/.exec(event);
    if (match === null) return this.fail(quote(line.event), 'sys_enter_NAME or sys_exit_NAME');
    const name = match[2] as string;
    const process = this.process(line);
    const thread = this.processes.thread(line.tid);
    thread.fault = undefined;
    if (match[1] === 'enter') {
      if (thread.open !== undefined) this.fail(line.event, `sys_exit_${thread.open.call.name} of thread ${line.tid}`);
      thread.open = { call: { name, args: parseArguments(line.text) }, line: this.lines };
      this.loaded(process);
      if (name === 'exit_group') process.status = numberArgument(thread.open.call, 0) % 256;
    } else this.leave(process, thread, line, name);
  }

  private leave(process: PerfProcess, thread: PerfThread, line: PerfLine, name: string): void {
    const { open } = thread;
    thread.open = undefined;
    if (name === 'execve' || name === 'execveat') this.loaded(process);
    if (open === undefined) {
      // A child returns from the call that made it, and a new image from the call of the old one.
      if (/^(execve|execveat|clone3?|v?fork)$/.test(name)) return;
      return this.fail(line.event, `sys_enter_${name} of thread ${line.tid} before it`);
    }
    if (open.call.name !== name) this.fail(line.event, `sys_exit_${open.call.name} of thread ${line.tid}`);
    const result = /^(0x[0-9a-f]+|\d+)$/.test(line.text) ? Number(line.text) : Number.NaN;
    if (Number.isNaN(result)) this.fail(quote(line.text), 'the result of a call');
    if (result >= FIRST_ERROR) count(this.failed, name);
    else if (UNSUPPORTED_CALLS.has(name)) count(this.unsupported, name);
    else if (MEMORY_CALLS.has(name)) this.memoryCall(process, open, result);
  }

  private memoryCall(process: PerfProcess, open: OpenCall, result: number): void {
    const { call, line, mapping } = open;
    if (!isPlausible(call, result)) {
      // Some calls make sense of any range: `mlock` of one that wraps around to nothing succeeds.
      if (!LAYOUT_CALLS.has(call.name)) return count(this.unsupported, `${call.name} of an impossible range`);
      const found = `${call.name} ( ${call.args.join(', ')} ) with the result 0x${result.toString(16)}`;
      this.fail(found, 'addresses and lengths below 2^47');
    }
    const mapped = mapping === undefined ? undefined : this.names.name(mapping);
    const fileName = (fd: number): string => mapped ?? `descriptor-${fd}-of-${process.pid}`;
    const event = memoryEvent(call, result, { actor: process.actor, line, fileName });
    if (event === undefined) {
      if (!HARMLESS_ADVICE.has(numberArgument(call, 2))) count(this.unsupported, `madvise ${call.args[2] ?? ''}`);
      return;
    }
    if (event.verb === 'mmap' && event.file !== undefined) {
      const created = this.files.cover(event.file, (event.offset ?? 0) + event.length, line);
      if (created !== undefined) this.emit(created, 'image');
    }
    this.emit(event, 'call');
  }

  private fault(line: PerfLine, name: string): void {
    if (name !== 'page_fault_user' && name !== 'page_fault_kernel') return;
    const match = /^address=0x([0-9a-f]+) .*error_code=0x([0-9a-f]+)$/.exec(line.text);
    if (match === null) return this.fail(quote(line.text), 'address=0x… ip=… error_code=0x…');
    const process = this.process(line);
    const address = hexNumber(match[1]);
    const code = hexNumber(match[2]);
    const by = name === 'page_fault_user' ? 'user' : 'kernel';
    if (by === 'user') this.loaded(process);
    else this.strings(process, address);
    // The kernel's own memory, and probes of addresses that no process can have.
    if (address >= ADDRESS_LIMIT) return;
    const thread = this.processes.thread(line.tid);
    thread.fault = { line: this.lines, page: address - (address % PAGE_SIZE) };
    const access = (code & ERROR_CODE.write) !== 0 ? 'write' : (code & ERROR_CODE.fetch) !== 0 ? 'fetch' : 'read';
    const present = (code & ERROR_CODE.present) !== 0;
    this.sink.recordedFault?.({ line: this.lines, process: process.number, address, by, access, present });
    this.accesses++;
    this.sink.access(process.number, kindOf(by, access), address, 1);
  }

  /** A program has been loaded: what its strings need at the least is there. */
  private loaded(process: PerfProcess): void {
    process.loading = false;
    const { stack } = process;
    if (stack !== undefined) this.strings(process, stack.end - 2 * PAGE_SIZE);
  }

  /**
   * The kernel put the strings of a new program at the top of its stack before anything could be traced: all pages above the
   * first one that faults under its hands have been written.
   */
  private strings(process: PerfProcess, faulted: number): void {
    const { stack } = process;
    if (stack === undefined || faulted < stack.start || faulted >= stack.end) return;
    process.stack = undefined;
    const start = faulted - (faulted % PAGE_SIZE) + PAGE_SIZE;
    if (start >= stack.end) return;
    this.accesses++;
    this.sink.access(process.number, AccessKind.kernelStore, start, stack.end - start);
  }

  private callback(line: PerfLine, name: string): void {
    const match = /: 0x([0-9a-f]+)(?: -- 0x([0-9a-f]+))?$/.exec(line.text);
    if (match === null) {
      if (!/^kvm_(unmap_hva_range|age_hva|test_age_hva)$/.test(name)) return;
      return this.fail(quote(line.text), 'mmu notifier …: 0xSTART -- 0xEND');
    }
    const start = hexNumber(match[1]);
    const end = match[2] === undefined ? start + PAGE_SIZE : hexNumber(match[2]);
    const range = { line: this.lines, process: this.process(line).number, start, end };
    if (name === 'kvm_unmap_hva_range') {
      const cause = causeOf(this.processes.thread(line.tid), start, end, this.lines);
      this.sink.recordedInvalidation?.({ ...range, cause });
    } else if (name === 'kvm_age_hva') this.sink.recordedAging?.({ ...range, how: 'clear' });
    else if (name === 'kvm_test_age_hva') this.sink.recordedAging?.({ ...range, how: 'test' });
  }

  private schedule(line: PerfLine, name: string): void {
    if (name === 'sched_process_exec') this.loaded(this.process(line));
    else if (name === 'sched_process_exit') {
      if (!/\bgroup_dead=(true|1)$/.test(line.text)) return;
      this.processes.exit(this.process(line), this.lines);
    }
  }
}

function causeOf(thread: PerfThread, start: number, end: number, line: number): { name: string; line: number } {
  const { open, fault } = thread;
  if (fault?.page === start && end === start + PAGE_SIZE) return { name: 'fault', line: fault.line };
  if (open !== undefined) return { name: open.call.name, line: open.line };
  // With other bounds it is still of that fault: whoever compares must see them.
  if (fault !== undefined && start <= fault.page && fault.page < end) return { name: 'fault', line: fault.line };
  return { name: 'other', line };
}

function kindOf(by: RecordedFault['by'], access: RecordedFault['access']): AccessKind {
  if (access === 'fetch') return AccessKind.fetch;
  if (access === 'read') return AccessKind.load;
  return by === 'kernel' ? AccessKind.kernelStore : AccessKind.store;
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
