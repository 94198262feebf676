/** What memory costs that nobody has touched, and what a frame in use costs besides its contents. */
import { setImmediate } from 'node:timers/promises';
import { Model, PAGE } from './model.ts';
import type { Row } from './row.ts';

const MIB = 2 ** 20;
const FRAMES_PER_SLAB = 512;

/** Bytes that this program has more while `make`'s result is alive. */
async function bytesOf(make: () => unknown): Promise<number> {
  const before = await bytesInUse();
  const alive = make();
  const after = await bytesInUse();
  if (alive === undefined) throw new Error('nothing was made');
  return after - before;
}

/** Buffers go some time after the collection that finds them dead: collects until nothing more goes. */
async function bytesInUse(): Promise<number> {
  let least = Infinity;
  for (let rest = 2; rest > 0;) {
    globalThis.gc?.();
    await setImmediate();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const now = heapUsed + arrayBuffers;
    // A few kilobytes are the collector's own coming and going.
    if (now < least - 16 * 1024) rest = 2;
    else rest--;
    least = Math.min(least, now);
  }
  return least;
}

/** A machine with every frame in use, less the bytes that the frames hold. */
async function perFrame(): Promise<number> {
  const pages = 16384;
  let used = 0;
  const bytes = await bytesOf(() => {
    const model = new Model((pages + 1024) * PAGE);
    model.map(pages);
    model.write(pages);
    const { memory } = model.machine.stats();
    used = memory?.['allocations'] ?? pages;
    return model;
  });
  // Contents come in slabs; what the last one has too many is nobody's metadata.
  const slabs = Math.ceil(Math.max(used, pages) / FRAMES_PER_SLAB);
  return (bytes - slabs * FRAMES_PER_SLAB * PAGE) / Math.max(used, pages);
}

/** Resident bytes: what is reserved and not touched costs addresses only. */
async function perUntouchedFrame(): Promise<number> {
  await bytesInUse();
  const before = process.memoryUsage.rss();
  const model = new Model(64 * 1024 * MIB);
  const after = process.memoryUsage.rss();
  if (model.process.name === '') throw new Error('nothing was made');
  return (after - before) / (16 * MIB);
}

/** Rows without a kernel beside them: the aims are bytes. */
export const rows: readonly Row[] = [
  { name: 'metadata per frame in use', unit: 'bytes', aim: { kind: 'cost', atMost: 64 }, measure: perFrame },
  {
    name: 'per untouched frame of 64 GiB',
    unit: 'bytes',
    aim: { kind: 'cost', atMost: 0.5 },
    measure: perUntouchedFrame,
  },
];
