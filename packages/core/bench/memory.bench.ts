/** What memory costs that nobody has touched, and what a frame in use costs besides its contents. */
import { Model, PAGE } from './model.ts';
import type { Row } from './row.ts';

const MIB = 2 ** 20;

/** Bytes that this program has more while `make`'s result is alive. */
function bytesOf(make: () => unknown): number {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const alive = make();
  globalThis.gc?.();
  const after = process.memoryUsage();
  if (alive === undefined) throw new Error('nothing was made');
  return after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
}

/** A machine with every frame in use, less the bytes that the frames hold. */
function perFrame(): number {
  const pages = 16384;
  let used = 0;
  const bytes = bytesOf(() => {
    const model = new Model((pages + 1024) * PAGE);
    model.map(pages);
    model.write(pages);
    const { memory } = model.machine.stats();
    used = memory?.['allocations'] ?? pages;
    return model;
  });
  return (bytes - pages * PAGE) / Math.max(used, pages);
}

/** Rows without a kernel beside them: the aims are bytes. */
export const rows: readonly Row[] = [
  { name: 'metadata per frame in use', unit: 'bytes', aim: { kind: 'cost', atMost: 64 }, measure: perFrame },
  {
    name: 'per untouched frame of 64 GiB',
    unit: 'bytes',
    aim: { kind: 'cost', atMost: 0.5 },
    measure: () => bytesOf(() => new Model(64 * 1024 * MIB)) / (16 * MIB),
  },
];
