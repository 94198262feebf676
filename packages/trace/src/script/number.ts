/** Numbers of the event language: decimal, `0x` hexadecimal, sizes with K, M or G; and bytes as hex digits. */

const SUFFIX: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** First number that is no address and no size of ours: user space has 47 bits. */
export const ADDRESS_LIMIT: number = 2 ** 47;

const NUMBER = /^(?:0x([0-9a-fA-F]+)|([0-9]+))([KMG]?)$/;

/** Reads `4096`, `0x1000`, `4K`; `undefined` for anything else and for what a double cannot hold exactly. */
export function parseNumber(text: string): number | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const digits = match[1] === undefined ? Number(match[2]) : Number(`0x${match[1]}`);
  const value = digits * (SUFFIX[match[3] ?? ''] ?? 1);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whether it is written as a number, and too large for {@link parseNumber}. */
export function isHugeNumber(text: string): boolean {
  return NUMBER.test(text) && parseNumber(text) === undefined;
}

/** Writes a number as the printer does: addresses and sizes in hexadecimal. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** An even number of hex digits, at least two. */
export function isBytes(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text);
}

/** `68656c6c6f` as bytes; the text must have passed {@link isBytes}. */
export function parseBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Bytes as lower-case hex digits in memory order. */
export function printBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
