/** What an event answers: the fields of its line of JSON, and the value that `-> NAME` binds. */
import type { Errno } from '@mmu-notifier/plugin-api';
import type { Signal } from '@mmu-notifier/core';
import type { RecordedValue, WordsValue } from '@mmu-notifier/trace';
import { hex } from '../sizes.ts';

/** Values that verdicts compare; `none` for an event that succeeded and answers nothing. */
export type BoundValue = RecordedValue | WordsValue | { readonly kind: 'none' };

export interface Outcome {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly value: BoundValue;
}

const NONE: BoundValue = { kind: 'none' };

/** The event succeeded and has nothing to say. */
export const DONE: Outcome = { fields: { result: null }, value: NONE };

/** An address or another number. */
export function number(value: number): Outcome {
  return { fields: { result: hex(value) }, value: { kind: 'number', value } };
}

/** What calls answer that return 0. */
export const ZERO: Outcome = number(0);

export function bytes(data: Uint8Array): Outcome {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
  return { fields: { result: text }, value: { kind: 'bytes', hex: text } };
}

export function processName(name: string): Outcome {
  return { fields: { result: name }, value: { kind: 'process', name } };
}

/** What a device's action says: a name that it binds stands for a number (`0x…`) or bytes (an even number of hex digits) where it looks so. */
export function words(text: string): Outcome {
  if (/^0x[0-9a-f]{1,13}$/.test(text))
    return { fields: { result: text }, value: { kind: 'number', value: Number(text) } };
  const isHex = /^([0-9a-f]{2})+$/.test(text);
  return { fields: { result: text }, value: isHex ? { kind: 'bytes', hex: text } : { kind: 'words', text } };
}

/** An answer of its own form. */
export function answer(result: unknown): Outcome {
  return { fields: { result }, value: NONE };
}

export function errno(name: Errno): Outcome {
  return { fields: { errno: name }, value: { kind: 'errno', name } };
}

export function signal({ signal: name, code, address }: Pick<Signal, 'signal' | 'code' | 'address'>): Outcome {
  return { fields: { signal: name, code, address: hex(address) }, value: { kind: 'signal', name } };
}

/** A device left its guest in a way of its own, such as an MMIO exit. */
export function deviceExit(reason: string): Outcome {
  return { fields: { exit: reason }, value: { kind: 'words', text: reason } };
}

/** `undefined` or an errno, as most calls answer. */
export function callResult(result: Errno | undefined): Outcome {
  return result === undefined ? ZERO : errno(result);
}

/** An address or an errno, as `mmap` answers. */
export function addressResult(result: number | Errno): Outcome {
  return typeof result === 'number' ? number(result) : errno(result);
}
