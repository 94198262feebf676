/** Collects what an importer says about a text, as lines of the event language. */
import { AccessKind } from '../src/event-sink.ts';
import type { EventOrigin, EventSink } from '../src/event-sink.ts';
import type { MmEvent } from '../src/event.ts';
import { LackeyImporter } from '../src/lackey/importer.ts';
import type { LayoutSegment } from '../src/lackey/layout.ts';
import { scanLines } from '../src/lackey/scan.ts';
import { printEvent } from '../src/script/print-event.ts';

const KIND_NAMES = Object.keys(AccessKind);

/** Remembers everything, in order. */
export class Collector implements EventSink {
  readonly lines: string[] = [];
  readonly origins: EventOrigin[] = [];
  readonly events: MmEvent[] = [];
  readonly layouts: { process: number; segments: readonly LayoutSegment[] }[] = [];

  access(process: number, kind: AccessKind, address: number, size: number): void {
    this.lines.push(`p${process} ${KIND_NAMES[kind] ?? ''} 0x${address.toString(16)} ${size}`);
  }

  event(event: MmEvent, origin: EventOrigin): void {
    this.lines.push(printEvent(event));
    this.events.push(event);
    this.origins.push(origin);
  }

  finalLayout(process: number, segments: readonly LayoutSegment[]): void {
    this.layouts.push({ process, segments });
  }
}

/** Imports a whole lackey text. */
export function importLackey(
  text: string,
  collector: Collector = new Collector(),
): Collector & { importer: LackeyImporter } {
  const importer = new LackeyImporter('log', collector);
  const bytes = Buffer.from(text);
  scanLines(bytes, bytes.length, importer, 'log');
  importer.finish();
  return Object.assign(collector, { importer });
}
