import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessKind, TruthCounter, measure, openRecording, printAccess, printEvent } from '../src/index.ts';
import type { EventSink, TruthReport } from '../src/index.ts';
import { BUNDLED } from './recordings.ts';

const folder = mkdtempSync(join(tmpdir(), 'trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function truthOf(path: string, sink?: EventSink): Promise<TruthReport> {
  const counter = new TruthCounter();
  const both: EventSink = {
    access: (process, kind, address, size) => {
      // The event language has no stores by the kernel: they would count as the program's.
      if (kind === AccessKind.kernelStore) return;
      counter.access(process, kind, address, size);
      sink?.access(process, kind, address, size);
    },
    event: (event) => {
      counter.event(event, 'call');
      sink?.event(event, 'call');
    },
  };
  const reading = (await openRecording(path)).read(both);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return counter.report(next.value);
  }
}

it('a lackey recording written in the event language is the same recording', async () => {
  const lines = ['#! mm 1'];
  const sink: EventSink = {
    access: (...access) => void lines.push(printAccess(...access)),
    event: (event) => void lines.push(printEvent(event)),
  };
  const original = await truthOf(BUNDLED, sink);
  const path = join(folder, 'redis.mm');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const converted = await truthOf(path);
  for (const key of [
    'accesses',
    'touchedPages',
    'touchedThenUnmapped',
    'mprotectTouched',
    'outsideAnyMapping',
    'peakMappedBytesAllProcesses',
  ] as const) {
    expect([key, converted[key]]).toEqual([key, original[key]]);
  }
  expect(converted.images.map(({ touchedPages, writtenPages, end }) => [touchedPages, writtenPages, end])).toEqual(
    original.images.map(({ touchedPages, writtenPages, end }) => [touchedPages, writtenPages, end]),
  );
  expect((await measure(await openRecording(path))).summary.lines).toBe(lines.length);
});
