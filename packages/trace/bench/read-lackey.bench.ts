/**
 * Nanoseconds a line: reading lackey text alone, counting its truth, and measuring its resident peak, against Node's
 * own `readline` over the same bytes in the same run.
 *
 *     node --import tsx bench/read-lackey.bench.ts [RECORDING]
 */
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unpack } from '../src/compression/unpack.ts';
import { ResidentCounter } from '../src/measure/resident-counter.ts';
import { openRecording } from '../src/open-recording.ts';
import type { EventSink } from '../src/event-sink.ts';
import { TruthCounter } from '../src/truth/truth-counter.ts';

const ROUNDS = 5;
const packed = process.argv[2] ?? join(import.meta.dirname, '../recordings/redis/lackey.txt.xz');
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const plain = join(folder, 'log');
await writeFile(plain, unpack(packed, (await openRecording(packed)).compression).chunks);

/** Reads nothing but the sum, so that the calls are not optimised away. */
class NullSink implements EventSink {
  sum = 0;
  access(process: number, kind: number, address: number, size: number): void {
    this.sum += address + size + kind + process;
  }
  event(): void {}
}

async function read(path: string, sink: EventSink): Promise<number> {
  const reading = (await openRecording(path)).read(sink);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return next.value.lines;
  }
}

async function readlineOnly(): Promise<number> {
  let lines = 0;
  const reader = createInterface({ input: createReadStream(plain) });
  reader.on('line', () => lines++);
  await new Promise((resolve) => reader.once('close', resolve));
  return lines;
}

const cases: [string, () => Promise<number>][] = [
  ['readline, for scale', readlineOnly],
  ['read plain text', () => read(plain, new NullSink())],
  ['read packed', () => read(packed, new NullSink())],
  ['count the truth, plain text', () => read(plain, new TruthCounter())],
  ['measure, plain text', () => read(plain, new ResidentCounter())],
];
for (const [name, run] of cases) {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    const lines = await run();
    times.push(((performance.now() - start) * 1e6) / lines);
  }
  times.sort((a, b) => a - b);
  const [min, median, max] = [times[0], times[ROUNDS >> 1], times.at(-1)].map((time) => (time ?? 0).toFixed(1));
  process.stdout.write(`${name.padEnd(28)} min ${min}  median ${median}  max ${max} ns/line\n`);
}
rmSync(folder, { recursive: true });
