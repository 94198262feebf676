/** Ids of segments and permits: the thread group in the upper half, a number that it never uses again in the lower. */
import type { Errno } from '@mmu-notifier/plugin-api';

const LOWER = 2 ** 32;

/** Tests lower it. */
export const limits: { uniq: number } = { uniq: 2 ** 30 - 1 };

/** Gives out the ids of one kind of one thread group. */
export class IdSource {
  private readonly tgid: number;
  private uniq = 0;

  constructor(tgid: number) {
    this.tgid = tgid;
  }

  /** Errors: `EBUSY` when all are used up. */
  next(): number | Errno {
    return this.uniq >= limits.uniq ? 'EBUSY' : this.tgid * LOWER + ++this.uniq;
  }
}

/** Whether it can be one at all. */
export function isId(id: number): boolean {
  return Number.isSafeInteger(id) && id > 0;
}
