/** One line of the benchmark: an operation of the model, and the same operation of the kernel it runs on. */

/** What must hold: a part of the kernel's own cost, nanoseconds, bytes, or a rate. */
export type Aim =
  | { readonly kind: 'ratio'; readonly atMost: number; readonly text: string }
  | { readonly kind: 'cost'; readonly atMost: number }
  | { readonly kind: 'rate'; readonly atLeast: number };

export interface Row {
  readonly name: string;
  readonly unit: 'ns' | 'us' | 'bytes' | 'accesses/s';
  readonly aim: Aim;
  /** What `timing` of tools/linux-truth calls it; without one only the model does it. */
  readonly kernel?: string;
  /** Measures once: nanoseconds for one, bytes, or accesses a second. */
  measure(): number | Promise<number>;
}

/** Nanoseconds of CPU time for each of `count`, everything that the program did meanwhile included. */
export function cpuTime(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}
