import { TruthCounter, measure, openRecording } from '../src/index.ts';
import type { Recording, RecordingSummary, TruthReport } from '../src/index.ts';
import { recordedWorkloads } from './recordings.ts';

async function count(recording: Recording): Promise<{ report: TruthReport; summary: RecordingSummary }> {
  const counter = new TruthCounter();
  const reading = recording.read(counter);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { report: counter.report(next.value), summary: next.value };
    expect(next.value.bytesRead).toBeLessThanOrEqual(next.value.totalBytes);
  }
}

describe.each(recordedWorkloads())('importing $name', ({ path, truth }) => {
  it('reproduces its ground truth: accesses, events, pages of each image, forks, last layouts', async () => {
    const { report, summary } = await count(await openRecording(path));
    expect(report).toEqual(truth());
    expect(report.outsideAnyMapping.unexplained).toBe(0);
    expect(summary.unsupportedCalls).toEqual({});
    expect(summary.bytesRead).toBe(summary.totalBytes);
  });

  it('needs at least the pages of its largest image at once, and no more than all that were touched or filled', async () => {
    const { images, kernelBufferWrites } = truth();
    const { peakResidentPages } = await measure(await openRecording(path));
    expect(peakResidentPages).toBeGreaterThanOrEqual(
      Math.max(...images.map((i) => i.touchedPages - i.touchedThenUnmapped)),
    );
    // A page of a file that is written has two frames: its own and the one in the page cache.
    const pages = images.reduce((sum, image) => sum + image.touchedPages + image.writtenPages, 0);
    expect(peakResidentPages).toBeLessThanOrEqual(pages + kernelBufferWrites.pages);
  });
});
