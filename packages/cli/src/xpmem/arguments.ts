/** Words behind a command of `serve` and `attach`. */
import type { Said } from './console.ts';

const NUMBER = /^(0x[0-9a-f]+|\d+)([KMG]?)$/i;
const MOST_BYTES = 65536;

/** Decimal or hexadecimal, with K, M or G behind it; `undefined` for what is none. */
export function numberOf(word: string | undefined): number | undefined {
  const [, digits, unit = ''] = NUMBER.exec(word ?? '') ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
}

/** Hex digits, or any text behind a quotation mark. */
export function bytesOf(words: readonly string[]): Uint8Array | undefined {
  const text = words.join(' ');
  if (text.startsWith('"')) return Buffer.from(text.slice(1).replace(/"$/, ''));
  return /^([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function wrong(usage: string): Said {
  return { error: `expected ${usage}` };
}

export function isLength(length: number | undefined): length is number {
  return length !== undefined && length > 0 && length <= MOST_BYTES;
}

/** Offset, hex digits and letters, 16 bytes a line. */
export function dump(offset: number, bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const digits = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const letters = [...part].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${(offset + at).toString(16).padStart(8, '0')}  ${digits.padEnd(47)}  ${letters}`);
  }
  return lines.join('\n');
}
