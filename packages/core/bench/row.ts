/** One line of the benchmark: an operation of the model, and the same operation of the kernel it runs on. */

/** What must hold: a part of the cost of the kernel, or of what stands beside it; nanoseconds, bytes, or a rate. */
export type Aim =
  | { readonly kind: 'ratio'; readonly atMost: number; readonly text: string; readonly of?: string }
  | { readonly kind: 'cost'; readonly atMost: number }
  | { readonly kind: 'rate'; readonly atLeast: number };

export interface Row {
  readonly name: string;
  readonly unit: 'ns' | 'us' | 'bytes' | 'accesses/s';
  readonly aim: Aim;
  /** What `timing` of tools/linux-truth calls it; without one only the model does it. */
  readonly kernel?: string;
  /** The same by other means in this run, where there is no kernel beside it. */
  beside?(): number | Promise<number>;
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
