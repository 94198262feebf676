/**
 * Accesses that travel together: what a copy engine is given at once. They are carried out in their order, up to the first
 * whose translation is not there; the reply says how many were, and has the bytes of their loads.
 *
 *     one access:  0..7 page | 8..9 offset | 10..11 length | 12 is a store | 13.. bytes to store
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { MOST_LIST } from './wire.ts';

/** Inside one page of a segment. */
export interface ListedAccess {
  readonly page: number;
  readonly offset: number;
  readonly kind: 'load' | 'store';
  /** Filled by a load. */
  readonly data: Uint8Array;
}

const HEADER = 13;

/** As many as one message takes, from `first` on. @returns them, and where the next message begins. */
export function encodeList(accesses: readonly ListedAccess[], first: number): { body: Uint8Array; next: number } {
  let length = 0;
  let loaded = 0;
  let next = first;
  for (; next < accesses.length; next++) {
    const { kind, data } = accesses[next] as ListedAccess;
    length += HEADER + (kind === 'store' ? data.length : 0);
    loaded += kind === 'load' ? data.length : 0;
    if (length > MOST_LIST || loaded > MOST_LIST) break;
  }
  const body = new Uint8Array(Math.min(length, MOST_LIST));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const { page, offset, kind, data } of accesses.slice(first, next)) {
    view.setFloat64(at, page);
    view.setUint16(at + 8, offset);
    view.setUint16(at + 10, data.length);
    view.setUint8(at + 12, kind === 'store' ? 1 : 0);
    if (kind === 'store') body.set(data, at + HEADER);
    at += HEADER + (kind === 'store' ? data.length : 0);
  }
  return { body: body.subarray(0, at), next };
}

/** `undefined` for what is no list, or asks for more than a reply can hold. Bytes of a store are those of the message. */
export function decodeList(body: Uint8Array): ListedAccess[] | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const found: ListedAccess[] = [];
  let loaded = 0;
  for (let at = 0; at < body.length;) {
    if (at + HEADER > body.length) return undefined;
    const page = view.getFloat64(at);
    const offset = view.getUint16(at + 8);
    const length = view.getUint16(at + 10);
    const isStore = view.getUint8(at + 12) === 1;
    if (!Number.isSafeInteger(page) || page < 0 || offset + length > PAGE_SIZE) return undefined;
    at += HEADER;
    if (isStore && at + length > body.length) return undefined;
    if (!isStore && (loaded += length) > MOST_LIST) return undefined;
    const data = isStore ? body.subarray(at, at + length) : new Uint8Array(length);
    found.push({ page, offset, kind: isStore ? 'store' : 'load', data });
    if (isStore) at += length;
  }
  return found;
}

/** The bytes of the first `done` accesses' loads. */
export function packLoads(accesses: readonly ListedAccess[], done: number): Uint8Array {
  const loads = accesses.slice(0, done).filter(({ kind }) => kind === 'load');
  const packed = new Uint8Array(loads.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const { data } of loads) {
    packed.set(data, at);
    at += data.length;
  }
  return packed;
}

/** Into the loads of `accesses[first]` and the next ones, `done` in all. @returns false where the bytes do not fit. */
export function unpackLoads(
  accesses: readonly ListedAccess[],
  first: number,
  done: number,
  packed: Uint8Array,
): boolean {
  let at = 0;
  for (const { kind, data } of accesses.slice(first, first + done)) {
    if (kind === 'store') continue;
    if (at + data.length > packed.length) return false;
    data.set(packed.subarray(at, at + data.length));
    at += data.length;
  }
  return at === packed.length;
}
