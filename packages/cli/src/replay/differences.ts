/** What the machine did otherwise than the recorded system: counted, and the first few kept. */
import type { Difference } from './report.ts';

const KEPT = 10;

export class Differences {
  count = 0;
  readonly first: Difference[] = [];

  add(event: number, message: string): void {
    this.count++;
    if (this.first.length < KEPT) this.first.push({ event, message });
  }
}
