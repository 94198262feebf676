/** Requests of the other node that wait for their answers. */
import type { Errno } from '@mmu-notifier/plugin-api';
import { type Frame, Type } from './wire.ts';

/** Requests that use translations. */
export const ACCESSES: ReadonlySet<number> = new Set([Type.load, Type.store, Type.list]);

export interface Pending {
  readonly frame: Partial<Frame> & { readonly type: number };
  readonly sentAt: number;
  /** A recall or the end of a lease came meanwhile. */
  raced: boolean;
  answer: Frame | Errno | undefined;
}

/** Pages of a segment. */
interface Pages {
  readonly id: number;
  readonly page: number;
  readonly count: number;
}

/** A list may be at any page of its segment. */
export function within({ frame }: Pending, { id, page, count }: Pages): boolean {
  const at = frame.page ?? 0;
  if (frame.type === Type.list) return frame.id === id;
  return frame.id === id && at >= page && at < page + count;
}
