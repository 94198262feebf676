/** Pairs what was recorded with what the machine did, action by action, and counts by cause. */
import { hex } from '../../sizes.ts';
import type { Paired, Residue } from './report.ts';

/** First examples that are kept of each kind, side and cause. */
const KEPT = 5;

export interface Range {
  readonly process: string;
  readonly start: number;
  readonly end: number;
}

/** Counts pairs by cause, and keeps examples of what has none. */
export class Pairing {
  private readonly kind: Residue['kind'];
  private readonly counts = new Map<string, Record<keyof Paired, number>>();
  readonly residues: Residue[] = [];
  private readonly kept = new Map<string, number>();

  constructor(kind: Residue['kind']) {
    this.kind = kind;
  }

  matched(cause: string): void {
    const count = this.of(cause);
    count.recorded++;
    count.matched++;
  }

  missing(cause: string, line: number, range: Range): void {
    const count = this.of(cause);
    count.recorded++;
    count.missing++;
    this.keep('missing', cause, line, range);
  }

  surplus(cause: string, line: number, range: Range): void {
    this.of(cause).surplus++;
    this.keep('surplus', cause, line, range);
  }

  byCause(): Record<string, Paired> {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  total(): Paired {
    const sum = { recorded: 0, matched: 0, missing: 0, surplus: 0 };
    for (const count of this.counts.values())
      for (const key of Object.keys(sum) as (keyof Paired)[]) sum[key] += count[key];
    return sum;
  }

  private of(cause: string): Record<keyof Paired, number> {
    let count = this.counts.get(cause);
    if (count === undefined) {
      count = { recorded: 0, matched: 0, missing: 0, surplus: 0 };
      this.counts.set(cause, count);
    }
    return count;
  }

  private keep(side: Residue['side'], cause: string, line: number, { process, start, end }: Range): void {
    const key = `${side} ${cause}`;
    const kept = this.kept.get(key) ?? 0;
    this.kept.set(key, kept + 1);
    if (kept >= KEPT) return;
    this.residues.push({ kind: this.kind, side, cause, line, process, start: hex(start), end: hex(end) });
  }
}
