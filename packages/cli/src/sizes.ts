/** Sizes, shares and counts as people write and read them: `64M`, `25%`, `1/4`, `1,234`. */
import { totalmem } from 'node:os';
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { InputError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const SIZE = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;
const FRACTION = /^(\d+)\/(\d+)$/;
const DECIMAL = /^\d+(?:\.\d+)?$/;

/** Sixteen pages: less does not hold the tables of a first process. */
const LEAST_MEMORY = 16 * PAGE_SIZE;

/** Memory of the machine: bytes, or percent of what the recording needed at its peak. */
export type RamSize =
  { readonly kind: 'bytes'; readonly bytes: number } | { readonly kind: 'percent'; readonly percent: number };

/** A part of the accesses: `numerator` out of every `denominator`. */
export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

/** Bytes of `64M`, rounded up to whole pages. @param option - The name that an error mentions. */
export function parseSize(text: string, option: string): number {
  const match = SIZE.exec(text);
  if (match === null) throw new InputError(`${option}: found "${text}", expected a size such as 64M or 1G`);
  const bytes = Number(match[1]) * (UNITS[match[2]?.toUpperCase() ?? ''] ?? 1);
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

/** The swap file grows as pages are written to it; its map of slots is there from the start. */
const MOST_SWAP = 2 ** 40;

/** Bytes of swap space; 0 is none. */
export function parseSwap(text: string, option: string): number {
  const bytes = parseSize(text, option);
  if (bytes > MOST_SWAP) throw new InputError(`${option}: found "${text}", expected at most ${formatBytes(MOST_SWAP)}`);
  return bytes;
}

/** As {@link parseSize}, more than nothing and no more than this host has. */
export function parseHostMemory(text: string, option: string): number {
  const bytes = parseSize(text, option);
  if (bytes === 0) throw new InputError(`${option}: found "${text}", expected more than 0`);
  if (bytes < LEAST_MEMORY) throw new InputError(`${option}: found "${text}", expected at least 64K`);
  checkHostMemory(bytes, option);
  return bytes;
}

/** The machine's memory is real bytes of this host. */
export function checkHostMemory(bytes: number, option: string): void {
  if (bytes <= totalmem()) return;
  throw new InputError(
    `${option}: found ${formatBytes(bytes)}, expected at most the memory of this host, ${formatBytes(totalmem())}`,
  );
}

/** `64M` or `25%`. */
export function parseRam(text: string, option: string): RamSize {
  const match = PERCENT.exec(text);
  if (match === null) {
    if (!SIZE.test(text))
      throw new InputError(`${option}: found "${text}", expected a size such as 64M, or a percentage such as 25%`);
    return { kind: 'bytes', bytes: parseHostMemory(text, option) };
  }
  const percent = Number(match[1]);
  if (percent === 0) throw new InputError(`${option}: found "${text}", expected more than 0%`);
  if (percent > 10000) throw new InputError(`${option}: found "${text}", expected at most 10000%`);
  return { kind: 'percent', percent };
}

/** `1/4`, `25%`, `0.25` or `0`. */
export function parseShare(text: string, option: string): Share {
  const share = readShare(text);
  if (
    share === undefined ||
    share.denominator === 0 ||
    share.numerator > share.denominator ||
    share.denominator > 2 ** 31
  ) {
    throw new InputError(`${option}: found "${text}", expected a part from 0 to 1 such as 1/4 or 25%`);
  }
  return reduce(share);
}

function readShare(text: string): Share | undefined {
  const fraction = FRACTION.exec(text);
  if (fraction !== null) return { numerator: Number(fraction[1]), denominator: Number(fraction[2]) };
  const percent = PERCENT.exec(text);
  if (percent !== null) return { numerator: Math.round(Number(percent[1]) * 1000), denominator: 100_000 };
  if (DECIMAL.test(text)) return { numerator: Math.round(Number(text) * 1_000_000), denominator: 1_000_000 };
  return undefined;
}

function reduce({ numerator, denominator }: Share): Share {
  let a = numerator;
  let b = denominator;
  while (b > 0) [a, b] = [b, a % b];
  return { numerator: numerator / a, denominator: denominator / a };
}

/** A whole number of at least `least`. */
export function parseCount(text: string, option: string, least: number): number {
  const n = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(n) || n < least) {
    throw new InputError(`${option}: found "${text}", expected a whole number of at least ${least}`);
  }
  return n;
}

/** A seed: 32 bits, since that is what the generator takes. */
export function parseSeed(text: string, option: string): number {
  const n = parseCount(text, option, 0);
  if (n >= 2 ** 32) throw new InputError(`${option}: found "${text}", expected a number below 4294967296`);
  return n;
}

/** `64 MiB`, `1.5 GiB`, `12 KiB`. */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${names[unit] ?? 'B'}`;
}

/** `1,994,723`. */
export function formatCount(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `0x1fff000`. */
export function hex(n: number): string {
  return `0x${n.toString(16)}`;
}
