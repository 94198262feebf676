/** Named counters of one device. */
import type { StatsService } from '@mmu-notifier/plugin-api';

export class DeviceStats implements StatsService {
  private readonly values = new Map<string, number>();

  /** `peak` reports the greatest sum that there was; the others the sum. */
  counter(name: string, kind: 'cumulative' | 'instantaneous' | 'peak' = 'cumulative'): (delta?: number) => void {
    let sum = this.values.get(name) ?? 0;
    this.values.set(name, sum);
    return (delta = 1) => {
      sum += delta;
      this.values.set(name, kind === 'peak' ? Math.max(this.values.get(name) ?? 0, sum) : sum);
    };
  }

  report(): Record<string, number> {
    return Object.fromEntries(this.values);
  }
}
