/** Tells from the first bytes of text what a recording is, and names what it is not. */
import type { RecordingFormat } from './recording.ts';
import { TraceError, quote } from './trace-error.ts';

/** Text that the sniffer wants to see, in bytes. */
export const SNIFF_SIZE = 4096;

const LACKEY = /^(@\d+$|==\d+== |--\d+(--|:)|I  [0-9a-fA-F]+,\d| [LSM] [0-9a-fA-F]+,\d|SYSCALL\[\d+,\d+\])/;
const PERF = /^\s*\S.*? +\d+\/\d+ +(\[\d+\] +)?\d+\.\d+: +(PERF_RECORD_|[\w-]+:[\w-]+)/;
const STRACE =
  /^(\[pid +\d+\] |\d+ +)?(\d+\.\d+ +|\d\d:\d\d:\d\d(\.\d+)? +)?(\w+\(.*(\)\s+= |<unfinished \.\.\.>)|<\.\.\. \w+ resumed>|--- SIG|\+\+\+ exited)/;
const MM = /^(#! ?mm\b|(@\w+\s+)?(p[1-9]\d*|machine)\s+[a-z_]+(\s|$)|(forbid|require|exists)\s+[$(n])/;

/** Formats that people have, and that this package does not read. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^PK\u0003\u0004/, 'a zip archive (drmemtrace recordings come so)'],
  [/^\u007fELF/, 'a program (ELF)'],
  [/^PERFILE2/, 'perf.data (perf script prints it as text)'],
  [/^\s*[[{]/, 'JSON'],
  [/^Output format: <--record#->/, 'a drmemtrace view'],
  [/^0x[0-9a-f]+: [RW] 0x/i, 'a Pin pinatrace'],
  // Both begin with a small number and an address; Ramulator's grows above 4, and has a third column.
  [/^(\d+ \d+\n)*(\d+ \d+ \d+|([5-9]|\d\d+) \d+)\n/, 'a Ramulator trace'],
  [/^[0-4] [0-9a-f]+\s*$/i, 'a Dinero trace'],
  [/^0x[0-9a-f]+ [RW]\s*$/i, 'a Ramulator trace'],
  [/^\d+,[\w.]+,\d+,(Read|Write),/, 'a block I/O trace (MSR Cambridge)'],
  [
    /^\s*\S+ +\d+ +(\[\d+\] +)?\d+\.\d+: +[\w:]+/,
    'perf script output without PID/TID (print it with -F comm,pid,tid,time,event,trace)',
  ],
  [/^[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] /, 'a memory map (/proc/PID/maps)'],
];

/**
 * What the text is.
 *
 * @param head - The first bytes, unpacked.
 * @throws {@link TraceError} with what was found instead, and the formats that are known.
 */
export function sniffFormat(head: Uint8Array, path: string): RecordingFormat {
  const text = Buffer.from(head)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const first = lines.find((line) => line.trim() !== '' && (!line.startsWith('#') || line.startsWith('#!'))) ?? '';
  if (LACKEY.test(first)) return 'lackey';
  if (MM.test(first)) return 'mm';
  if (PERF.test(first)) return 'perf-script';
  if (STRACE.test(first)) return 'strace';
  const named = /\.mm(\.\w+)?$/.test(path);
  const foreign = FOREIGN.find(([pattern]) => pattern.test(first) || pattern.test(text));
  const binary = [...head].some((byte) => byte < 9) || text.slice(0, -1).includes('\uFFFD');
  if (named && foreign === undefined && !binary) return 'mm';
  const found =
    foreign?.[1] ?? (binary ? 'binary data' : text.trim() === '' ? 'only blank lines' : `the text ${quote(first)}`);
  const expected =
    'the event language (.mm), lackey output, perf script output or strace output, plain or packed with gzip, xz or zstd';
  throw new TraceError({ code: 'unknown-format', file: path, found, expected });
}
