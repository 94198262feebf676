/**
 * Lines of `perf script --show-mmap-events --show-task-events -F comm,pid,tid,time,event,trace`:
 *
 *     COMM PID/TID [CPU] SECONDS.MICROS: EVENT: TEXT         a tracepoint; CPU only with -F cpu
 *     COMM PID/TID SECONDS.MICROS: PERF_RECORD_MMAP2 PID/TID: [0xSTART(0xLEN) @ OFF MAJ:MIN INO GEN]: rwxp NAME
 *     COMM PID/TID SECONDS.MICROS: PERF_RECORD_COMM exec: COMM:PID/TID
 *     COMM PID/TID SECONDS.MICROS: PERF_RECORD_FORK(PID:TID):(PARENT:TID)
 *     COMM PID/TID SECONDS.MICROS: PERF_RECORD_EXIT(PID:TID):(PARENT:TID)
 */
import type { Protection } from '../event.ts';
import { PAGE_SIZE } from '../pages.ts';
import { ADDRESS_LIMIT } from '../script/number.ts';

/** One line. */
export interface PerfLine {
  readonly comm: string;
  readonly pid: number;
  readonly tid: number;
  /** `syscalls:sys_enter_mmap`, `PERF_RECORD_MMAP2`. */
  readonly event: string;
  /** What stands behind the event's name. */
  readonly text: string;
}

const LINE =
  /^\s*(.*?) +(\d{1,9})\/(\d{1,9}) +(?:\[\d+\] +)?\d+\.\d+: +(PERF_RECORD_[A-Z0-9_]+|[\w-]+:[\w-]+)(?:: ?|(?=[ (]))(.*)$/;

/** Reads one line; `undefined` where it has no such shape. */
export function parsePerfLine(text: string): PerfLine | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, comm = '', pid, tid, event = '', rest = ''] = match;
  return { comm, pid: Number(pid), tid: Number(tid), event, text: rest.trim() };
}

/** A mapping as the kernel announced it. */
export interface PerfMapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** Which file it is, when two have one name. */
  readonly inode: string;
  readonly protection: Protection;
  readonly shared: boolean;
  /** A path, `[stack]`, `[vdso]`, `//anon`. */
  readonly name: string;
}

const MAPPING =
  /^\d+\/\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (?:0x)?([0-9a-f]+) (\S+ \d+) \d+\]: ([r-])([w-])([x-])([ps]) (.+)$/;

/** The text of a `PERF_RECORD_MMAP2`. */
export function parseMapping(text: string): PerfMapping | undefined {
  const match = MAPPING.exec(text);
  if (match === null) return undefined;
  const [, from, length, offset, inode = '', r, w, x, sharing, name = ''] = match;
  const start = hexNumber(from);
  const end = start + hexNumber(length);
  if (!(start < end && end <= ADDRESS_LIMIT) || start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0) return undefined;
  const letters = `${r ?? ''}${w ?? ''}${x ?? ''}`.replaceAll('-', '');
  const protection = (letters === '' ? '-' : letters) as Protection;
  return { start, end, offset: hexNumber(offset), inode, protection, shared: sharing === 's', name };
}

/** `addr: 0x0, len: 0x2000`: the numbers, in order, as they are written. */
export function parseArguments(text: string): string[] {
  if (text === '') return [];
  return text.split(', ').map((argument) => argument.slice(argument.lastIndexOf(' ') + 1));
}

/** `0x…` or digits without it, as a number. */
export function hexNumber(text: string | undefined): number {
  return Number.parseInt(text ?? '', 16);
}
