/**
 * `SYSCALL[PID,TID](NR) NAME ( ARGS ) ... --> ...` lines. A call and its result come in one of these shapes:
 *
 *     sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000)      valgrind answered, or asked the kernel before
 *     sys_close ( 4 )[sync] --> Success(0x0)                    the kernel answered at once
 *     sys_read ( 4, 0x1ffefff438, 832 ) --> [async] ...         other threads may run; later, of the same thread:
 *     ... [async] --> Success(0x340)                            the result
 *     sys_fork ( )   fork: process 4 created child 5            the result stands alone in the next line:
 *      --> [pre-success] Success(0x5)
 *     sys_execve (0x…(/bin/ls), …)                              a new image follows, or a result that stands alone
 */

/** A call without its result. */
export interface Call {
  /** Without `sys_`. */
  readonly name: string;
  readonly args: readonly string[];
  /** `created child N`: the process that this call made. */
  readonly child?: number;
}

/** How a call ended. */
export interface Outcome {
  readonly ok: boolean;
  /** The result, or the errno of a failure. */
  readonly value: number;
}

/** One line. */
export interface SyscallLine {
  readonly pid: number;
  readonly tid: number;
  /** Absent in a line that only brings the result of an `[async]` call. */
  readonly call?: Call;
  /** Absent while the call goes on. */
  readonly outcome?: Outcome;
  readonly async: boolean;
}

const PREFIX_LENGTH = 'SYSCALL['.length;

/**
 * The name of the call without `sys_`, `...` for the result of an `[async]` call: a cheap look that tells most lines, which
 * are of calls that do not matter, from those that are worth parsing.
 */
export function peekName(text: string): string {
  const behind = text.indexOf(') ', PREFIX_LENGTH);
  if (behind < 0) return '';
  let from = behind + 2;
  if (text.startsWith('... ', from)) return '...';
  if (text.startsWith('sys_', from)) from += 4;
  let to = from;
  while (to < text.length && isWordChar(text.charCodeAt(to))) to++;
  return text.slice(from, to);
}

function isWordChar(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f;
}

/** Reads a `SYSCALL` line; `undefined` where it is none. */
export function parseSyscallLine(text: string): SyscallLine | undefined {
  const head = /^SYSCALL\[(\d{1,9}),(\d{1,9})\]\(\s*\d+\) /.exec(text);
  if (head === null) return undefined;
  const rest = text.slice(head[0].length);
  const arrow = rest.lastIndexOf('-->');
  const outcome = arrow < 0 ? undefined : parseOutcome(rest.slice(arrow));
  const base = { pid: Number(head[1]), tid: Number(head[2]), ...(outcome === undefined ? {} : { outcome }) };
  if (rest.startsWith('... [async]')) return outcome === undefined ? undefined : { ...base, async: false };
  const call = parseCall(arrow < 0 ? rest : rest.slice(0, arrow));
  return call === undefined
    ? undefined
    : { ...base, call, async: arrow >= 0 && rest.startsWith('--> [async] ...', arrow) };
}

/** Reads `--> [pre-success] Success(0x0)`, `--> Failure(0x2)`; `undefined` for `--> [async] ...`. */
export function parseOutcome(text: string): Outcome | undefined {
  const match = /^\s*--> (?:\[[\w-]+\] )?(Success|Failure)\(0x([0-9a-f]+)/.exec(text);
  return match === null ? undefined : { ok: match[1] === 'Success', value: Number(`0x${match[2] ?? '0'}`) };
}

function parseCall(text: string): Call | undefined {
  const head = /^(?:sys_)?(\w+)(?:\[[^\]]*\])?\s*\(/.exec(text);
  if (head?.[1] === undefined) return undefined;
  const close = text.lastIndexOf(')');
  const child = / created child (\d+)/.exec(text);
  const end = child === null ? close : text.indexOf(')', head[0].length);
  const list = text.slice(head[0].length, end < 0 ? undefined : end).trim();
  const args = list === '' ? [] : list.split(', ');
  return { name: head[1], args, ...(child === null ? {} : { child: Number(child[1]) }) };
}

/** An argument as a number: `0x4035000`, `16400`, `0x40290b1(/etc/ld.so.cache)`, `4294967295` for -1. */
export function numberArgument(call: Call, index: number): number {
  const match = /^(-?\d+|0x[0-9a-f]+)/.exec(call.args[index] ?? '');
  if (match === null) return Number.NaN;
  // `0x` first: `^(-?\d+` would stop behind the zero.
  const hexMatch = /^0x[0-9a-f]+/.exec(call.args[index] ?? '');
  return Number(hexMatch === null ? match[1] : hexMatch[0]);
}

/** A file descriptor: a 32-bit argument, where -1 is 4294967295. */
export function fdArgument(call: Call, index: number): number {
  return numberArgument(call, index) | 0;
}

/** The path in `0x40290b1(/etc/ld.so.cache)`. */
export function pathArgument(call: Call, index: number): string | undefined {
  // A path may hold `, `: take everything up to the argument that follows.
  const from = call.args.slice(index).join(', ');
  return /^0x[0-9a-f]+\((.*)\)(?:, [^)]*)?$/.exec(from)?.[1];
}
