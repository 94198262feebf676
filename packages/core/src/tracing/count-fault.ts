/** A fault turned out to be of a kind: counted, and told to whoever traces. */
import type { Kernel } from '../kernel.ts';

export function countFault({ stats, tracer }: Kernel, kind: string): void {
  stats.faults[kind]++;
  tracer?.faultIs?.(kind);
}
