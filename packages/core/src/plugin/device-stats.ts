/** Named counters of one device. */
import type { StatsService } from '@mmu-notifier/plugin-api';

interface Counter {
  sum: number;
  peak: number;
  readonly kind: 'cumulative' | 'instantaneous' | 'peak';
}

export class DeviceStats implements StatsService {
  private readonly counters = new Map<string, Counter>();

  /** `peak` reports the greatest sum that there was; the others the sum. */
  counter(name: string, kind: 'cumulative' | 'instantaneous' | 'peak' = 'cumulative'): (delta?: number) => void {
    const counter: Counter = this.counters.get(name) ?? { sum: 0, peak: 0, kind };
    this.counters.set(name, counter);
    return (delta = 1) => {
      counter.sum += delta;
      if (counter.sum > counter.peak) counter.peak = counter.sum;
    };
  }

  report(): Record<string, number> {
    const report: Record<string, number> = {};
    for (const [name, { kind, sum, peak }] of this.counters) report[name] = kind === 'peak' ? peak : sum;
    return report;
  }
}
