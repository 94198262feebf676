/** What a step touched: the operation that it announced, and all that it noted. Equal sets are one number. */
import { mayConflict } from '@mmu-notifier/core';
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';

/** Pairs of sets below this number are compared once, and then looked up. */
const REMEMBERED = 2048;
const AT_FIRST = 64;

export class Footprints {
  private readonly sets: PreemptionPoint[][] = [];
  private readonly byHash = new Map<number, number[]>();
  /** 0: not compared yet; 1: they commute; 2: they conflict. */
  private known = new Uint8Array(AT_FIRST * AT_FIRST);
  /** Rows and columns of it. */
  private width = AT_FIRST;

  /** The number of the set of the first `count` operations. */
  intern(operations: ArrayLike<PreemptionPoint>, count: number): number {
    let hash = 0;
    for (let i = 0; i < count; i++) hash = (Math.imul(hash, 31) + (operations[i] % 0x7fffffff)) | 0;
    let same = this.byHash.get(hash);
    if (same === undefined) this.byHash.set(hash, (same = []));
    for (const id of same) if (equal(this.sets[id], operations, count)) return id;
    this.sets.push(Array.from({ length: count }, (_, i) => operations[i]));
    same.push(this.sets.length - 1);
    return this.sets.length - 1;
  }

  operations(id: number): readonly PreemptionPoint[] {
    return this.sets[id];
  }

  /** All sets, in the order of their numbers. */
  all(): PreemptionPoint[][] {
    return this.sets.map((set) => [...set]);
  }

  /** The set of what is in either. */
  union(a: number, b: number): number {
    if (a === b) return a;
    const both = [...new Set([...this.sets[a], ...this.sets[b]])];
    return this.intern(both, both.length);
  }

  /** Whether the order of two steps may matter. */
  conflict(a: number, b: number): boolean {
    if (a >= REMEMBERED || b >= REMEMBERED) return this.compare(a, b);
    if (a >= this.width || b >= this.width) this.widen(Math.max(a, b));
    const at = a * this.width + b;
    if (this.known[at] === 0) this.known[at] = this.compare(a, b) ? 2 : 1;
    return this.known[at] === 2;
  }

  private widen(id: number): void {
    while (this.width <= id) this.width *= 2;
    this.known = new Uint8Array(this.width * this.width);
  }

  private compare(a: number, b: number): boolean {
    const others = this.sets[b];
    return this.sets[a].some((one) => others.some((other) => mayConflict(one, other)));
  }
}

function equal(set: readonly number[], operations: ArrayLike<number>, count: number): boolean {
  if (set.length !== count) return false;
  for (let i = 0; i < count; i++) if (set[i] !== operations[i]) return false;
  return true;
}
