/** The fast path of the streaming reader: `p1 load 0x7f00 8` and its siblings, byte by byte, without a string. */
import type { AccessKind } from '../event-sink.ts';

const NEWLINE = 0x0a;
const BLANK = 0x20;

/** Filled in by {@link scanAccess}. */
export interface ScannedAccess {
  process: number;
  kind: AccessKind;
  address: number;
  size: number;
}

const VERBS: readonly (readonly [AccessKind, readonly number[]])[] = (
  ['fetch', 'load', 'store', 'modify'] as const
).map((verb, kind) => [kind as AccessKind, [...`${verb} 0x`].map((char) => char.charCodeAt(0))]);

/**
 * Reads the line at `from` if it is a plain access with a hexadecimal address; answers where the next line begins, or 0
 * to have the full parser read it (and complain about it, if need be).
 */
export function scanAccess(bytes: Uint8Array, from: number, end: number, out: ScannedAccess): number {
  if (bytes[from] !== 0x70) return 0;
  let at = from + 1;
  let process = 0;
  for (; at < end && isDecimal(bytes[at] as number) && at < from + 8; at++)
    process = process * 10 + (bytes[at] as number) - 0x30;
  if (process === 0 || bytes[from + 1] === 0x30 || bytes[at] !== BLANK) return 0;
  const verb = verbAt(bytes, at + 1);
  if (verb === undefined) return 0;
  at += 1 + verb[1].length;
  const first = at;
  let address = 0;
  for (; at < end; at++) {
    const digit = hexDigit(bytes[at] as number);
    if (digit < 0) break;
    address = address * 16 + digit;
  }
  if (at === first || at - first > 11 || bytes[at] !== BLANK) return 0;
  at++;
  const sizeAt = at;
  const isHex = bytes[at] === 0x30 && bytes[at + 1] === 0x78;
  if (isHex) at += 2;
  let size = 0;
  for (; at < end; at++) {
    const digit = isHex
      ? hexDigit(bytes[at] as number)
      : isDecimal(bytes[at] as number)
        ? (bytes[at] as number) - 0x30
        : -1;
    if (digit < 0) break;
    size = size * (isHex ? 16 : 10) + digit;
  }
  // An even number of digits behind `store` is bytes.
  const isBytes = verb[0] === 2 && !isHex && (at - sizeAt) % 2 === 0;
  if (bytes[at] !== NEWLINE || at >= end || size === 0 || at - sizeAt > 8 || isBytes) return 0;
  out.process = process;
  out.kind = verb[0];
  out.address = address;
  out.size = size;
  return at + 1;
}

function verbAt(bytes: Uint8Array, at: number): (typeof VERBS)[number] | undefined {
  for (const verb of VERBS) {
    const letters = verb[1];
    let i = 0;
    while (i < letters.length && bytes[at + i] === letters[i]) i++;
    if (i === letters.length) return verb;
  }
  return undefined;
}

function isDecimal(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function hexDigit(byte: number): number {
  if (isDecimal(byte)) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
