/** Requests of the other node that wait for their answers. */
import type { Errno } from '@mmu-notifier/plugin-api';
import type { Frame } from './wire.ts';

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

/** Whether the request is about a page of the range. */
export function within({ frame }: Pending, { id, page, count }: Pages): boolean {
  const at = frame.page ?? 0;
  return frame.id === id && at >= page && at < page + count;
}
