/** Watches one replay for those who want to see it: a page with charts, a trace, or both. */
import type { Machine, Process } from '@mmu-notifier/core';
import type { PerfettoReport } from '../replay/report.ts';
import type { PerfettoTracer } from './perfetto/tracer.ts';
import { type Album, Photographer } from './pictures.ts';
import { Thinned } from './thinning.ts';
import { type Sample, takeSample } from './timeline.ts';

/** Points of a chart at most: more than a screen has pixels for. */
const MOST_SAMPLES = 600;

/** What one run looked like. */
export interface Seen {
  readonly samples: readonly Sample[];
  readonly album: Album;
}

export class RunRecorder {
  private readonly machine: Machine;
  private readonly deviceNames: () => readonly string[];
  private readonly tracer: PerfettoTracer | undefined;
  private readonly samples = new Thinned<Sample>(MOST_SAMPLES, 1);
  private readonly photographer: Photographer | undefined;
  private nextSample = 0;
  private nextPicture: number;

  /** @param page - Whether pictures are wanted. */
  constructor(
    machine: Machine,
    deviceNames: () => readonly string[],
    page: 'page' | 'no-page',
    tracer: PerfettoTracer | undefined,
  ) {
    this.machine = machine;
    this.deviceNames = deviceNames;
    this.tracer = tracer;
    this.photographer = page === 'page' ? new Photographer(machine) : undefined;
    this.nextPicture = this.photographer === undefined ? Infinity : 0;
  }

  /** So many accesses and calls are over. @returns after how many to look again. */
  look(events: number): number {
    if (events >= this.nextSample) {
      this.samples.add(this.sample(events));
      this.nextSample = this.samples.next(events);
    }
    if (events >= this.nextPicture) this.nextPicture = this.photographer?.look(events) ?? Infinity;
    return Math.min(this.nextSample, this.nextPicture);
  }

  /** A process is about to exit: nothing of it will be seen again. */
  leaving(process: Process, events: number): void {
    this.photographer?.lastLook(process, events);
  }

  /** @param events - How many were replayed before the end. */
  finish(events: number): { readonly seen: Seen; readonly perfetto: PerfettoReport | undefined } {
    const last = this.sample(events);
    const samples = this.samples.kept.filter((sample) => sample.events < events);
    const album = this.photographer?.album() ?? { areas: [], rows: [], pictures: [] };
    return { seen: { samples: [...samples, last], album }, perfetto: this.tracer?.finish() };
  }

  private sample(events: number): Sample {
    const sample = takeSample(this.machine, this.deviceNames(), events);
    this.tracer?.sample(sample);
    return sample;
  }
}
