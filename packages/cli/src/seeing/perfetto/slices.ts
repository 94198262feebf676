/**
 * Slices that begin and end on tracks, within a budget. A slice may get its name when it ends, so what comes after its
 * begin waits in memory until then; order is kept.
 */
import type { Argument, PacketWriter, TraceEvent } from './packets.ts';
import { EventType } from './packets.ts';

/** Begins and instants that a trace has at most: beyond them it is hundreds of MiB, and no viewer opens it. */
export const MOST_SLICES = 2_000_000;

/** Events that wait for a name at most. A fault that does not end must not hold the rest in memory. */
const MOST_WAITING = 100_000;

/** A slice that is open; its name may still change. */
export interface OpenSlice {
  readonly begin: TraceEvent;
  readonly written: boolean;
}

export class Slices {
  /** Events in the file: a slice is two. */
  events = 0;
  /** Slices and instants that the budget did not have. */
  leftOut = 0;
  /** Slices and instants in the file. */
  readonly byCategory: Record<string, number> = {};
  private readonly writer: PacketWriter;
  private readonly most: number;
  private readonly open = new Map<number, OpenSlice[]>();
  private count = 0;
  private waiting: TraceEvent[] = [];
  private unnamed = 0;

  constructor(writer: PacketWriter, most: number = MOST_SLICES) {
    this.writer = writer;
    this.most = most;
  }

  begin(at: number, track: number, category: string, name: string, args?: readonly Argument[]): OpenSlice {
    const begin: TraceEvent = { at, track, type: EventType.begin, name, category, ...(args ? { args } : {}) };
    const slice = { begin, written: this.admit(category) };
    let stack = this.open.get(track);
    if (stack === undefined) this.open.set(track, (stack = []));
    stack.push(slice);
    if (slice.written) this.put(begin);
    return slice;
  }

  /** Ends the innermost slice of the track, if there is one. */
  end(at: number, track: number, args?: readonly Argument[]): void {
    const slice = this.open.get(track)?.pop();
    if (slice?.written === true) this.put({ at, track, type: EventType.end, ...(args ? { args } : {}) });
  }

  instant(at: number, track: number, category: string, name: string, args: readonly Argument[]): void {
    if (this.admit(category)) this.put({ at, track, type: EventType.instant, name, category, args });
  }

  counter(at: number, track: number, value: number): void {
    this.put({ at, track, type: EventType.counter, value });
  }

  /** From here on everything waits, for a name that is not known yet. */
  hold(): void {
    this.unnamed++;
  }

  /** The name is known. */
  release(): void {
    if (--this.unnamed === 0) this.flush();
  }

  /** Ends what is still open: a violation stops a run in the middle of things. */
  closeAll(at: number): void {
    for (const [track, stack] of this.open) while (stack.length > 0) this.end(at, track);
    this.flush();
  }

  private admit(category: string): boolean {
    if (this.count >= this.most) {
      this.leftOut++;
      return false;
    }
    this.count++;
    this.byCategory[category] = (this.byCategory[category] ?? 0) + 1;
    return true;
  }

  private put(event: TraceEvent): void {
    this.events++;
    if (this.unnamed === 0) {
      this.writer.event(event);
      return;
    }
    this.waiting.push(event);
    if (this.waiting.length > MOST_WAITING) this.flush();
  }

  private flush(): void {
    for (const event of this.waiting) this.writer.event(event);
    this.waiting = [];
  }
}
