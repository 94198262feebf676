/**
 * The hot loop of the importer: walks over a chunk of text byte by byte, hands access lines to a sink as numbers and
 * everything else to a handler as text.
 *
 *     I  ADDR,SIZE      fetch           L and S and M have one blank before and one after
 *      L ADDR,SIZE      load            ADDR hexadecimal without 0x, SIZE decimal
 *      S ADDR,SIZE      store
 *      M ADDR,SIZE      modify
 *
 * Text lines are one in fifty or fewer; nothing is allocated for the others.
 */
import type { AccessBatch, AccessKind, EventSink } from '../event-sink.ts';
import { TraceError, quote } from '../trace-error.ts';

const NEWLINE = 0x0a;
const BLANK = 0x20;
const COMMA = 0x2c;
const NO_DIGIT = 255;

/** Largest access: xsave areas are a few KiB. */
const MAX_SIZE = 65536;
const ADDRESS_LIMIT = 2 ** 47;
/** Digits that fit a small integer; the rest is one multiplication away. */
const SHORT_DIGITS = 7;
const MAX_SCALE = 16 ** 5;

/** Value of an ASCII hex digit, `NO_DIGIT` for anything else. */
const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(NO_DIGIT);
for (let i = 0; i < 16; i++) {
  HEX_VALUE[i.toString(16).charCodeAt(0)] = i;
  HEX_VALUE[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** Access kind by the letter that says it; `NO_DIGIT` for other bytes. `I` stands in the first column. */
const KIND_OF_LETTER: Uint8Array = new Uint8Array(256).fill(NO_DIGIT);
KIND_OF_LETTER[0x4c] = 1;
KIND_OF_LETTER[0x53] = 2;
KIND_OF_LETTER[0x4d] = 3;
const LETTER_I = 0x49;

/** Where access lines and other lines go; `process` 0 means that no header has been seen. */
export interface ScanTarget {
  process: number;
  sink: Pick<EventSink, 'access' | 'accessBatch'>;
  lines: number;
  accesses: number;
  text(line: string): void;
}

/** Scans the whole lines in `bytes[0..end)`, where `bytes[end - 1]` is a line end. */
export function scanLines(bytes: Uint8Array, end: number, target: ScanTarget, file: string): void {
  const decoder = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < end) {
    const first = bytes[at] as number;
    const kind =
      first === LETTER_I ? 0 : first === BLANK ? (KIND_OF_LETTER[bytes[at + 1] as number] as number) : NO_DIGIT;
    if (kind !== NO_DIGIT) {
      const next = scanAccesses(bytes, at, end, target);
      if (next > at) {
        at = next;
        continue;
      }
    }
    const lineEnd = bytes.indexOf(NEWLINE, at);
    target.lines++;
    const text = decoder.toString('utf8', at, lineEnd);
    if (kind !== NO_DIGIT) badAccess(text, target, file);
    target.text(text);
    at = lineEnd + 1;
  }
}

/** Accesses that were scanned and not handed over. */
class Batch implements AccessBatch {
  static readonly most = 4096;
  process = 0;
  length = 0;
  readonly kinds: Uint8Array = new Uint8Array(Batch.most);
  readonly addresses: Float64Array = new Float64Array(Batch.most);
  readonly sizes: Int32Array = new Int32Array(Batch.most);
}

const batch = new Batch();

/** Hands over what the batch holds. */
function deliver(process: number, sink: Pick<EventSink, 'access' | 'accessBatch'>): void {
  const { length, kinds, addresses, sizes } = batch;
  batch.process = process;
  if (sink.accessBatch !== undefined) sink.accessBatch(batch);
  else
    for (let i = 0; i < length; i++)
      sink.access(process, kinds[i] as AccessKind, addresses[i] as number, sizes[i] as number);
  batch.length = 0;
}

/** Scans access lines from `at` on; answers where the first line begins that is none, or a bad one. */
function scanAccesses(bytes: Uint8Array, from: number, end: number, target: ScanTarget): number {
  const { process } = target;
  if (process === 0) return from;
  const { kinds, addresses, sizes } = batch;
  let at = from;
  let count = 0;
  while (at < end) {
    const first = bytes[at] as number;
    const kind =
      first === LETTER_I ? 0 : first === BLANK ? (KIND_OF_LETTER[bytes[at + 1] as number] as number) : NO_DIGIT;
    if (kind === NO_DIGIT || bytes[at + 2] !== BLANK) break;
    const start = at + 3;
    const short = start + SHORT_DIGITS;
    let p = start;
    let head = 0;
    let digit = HEX_VALUE[bytes[p] as number] as number;
    while (digit !== NO_DIGIT && p < short) {
      head = (head << 4) | digit;
      digit = HEX_VALUE[bytes[++p] as number] as number;
    }
    let address = head;
    if (digit !== NO_DIGIT) {
      let tail = 0;
      let scale = 1;
      while (digit !== NO_DIGIT && scale <= MAX_SCALE) {
        tail = (tail << 4) | digit;
        scale *= 16;
        digit = HEX_VALUE[bytes[++p] as number] as number;
      }
      address = head * scale + tail;
    }
    if (p === start || bytes[p] !== COMMA) break;
    let size = 0;
    let byte = bytes[++p] as number;
    while (byte >= 0x30 && byte <= 0x39 && size <= MAX_SIZE) {
      size = size * 10 + (byte - 0x30);
      byte = bytes[++p] as number;
    }
    if (byte !== NEWLINE || size === 0 || size > MAX_SIZE || address + size > ADDRESS_LIMIT) break;
    kinds[count] = kind;
    addresses[count] = address;
    sizes[count] = size;
    count++;
    at = p + 1;
    if (count === Batch.most) break;
  }
  batch.length = count;
  // A sink may be replaced by the first access that it gets.
  if (count > 0) deliver(process, target.sink);
  target.lines += count;
  target.accesses += count;
  return at;
}

/** Throws for a line that begins like an access and is none; results of calls also begin with a blank. */
function badAccess(text: string, target: ScanTarget, file: string): void {
  const match = /^(?:I | [LSM]) ([0-9a-fA-F]+),([0-9]+)$/.exec(text);
  const line = target.lines;
  if (match === null) {
    throw new TraceError({
      code: 'syntax',
      file,
      line,
      column: 1,
      found: quote(text),
      expected: 'an access line: ADDRESS,SIZE',
    });
  }
  if (target.process === 0) {
    const expected = 'a header (==PID== Command: …) before the first access';
    throw new TraceError({ code: 'out-of-order', file, line, column: 1, found: `the access ${quote(text)}`, expected });
  }
  const found = `an access of ${match[2] ?? ''} bytes at 0x${match[1] ?? ''}`;
  const expected = `1 to ${MAX_SIZE} bytes below 2^47`;
  throw new TraceError({ code: 'syntax', file, line, column: 4, found, expected });
}
