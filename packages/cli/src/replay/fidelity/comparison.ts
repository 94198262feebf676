/**
 * Plays a recording of a kernel and holds what the machine does against what the kernel did. It stands between the reader
 * and the player: each action (a call, a faulting access) is played as ever, and the ranges that the probe writes down
 * meanwhile are paired with those that were recorded for the same line.
 */
import { processNumber } from '@mmu-notifier/trace';
import type {
  AccessKind,
  EventOrigin,
  EventSink,
  LayoutSegment,
  MmEvent,
  RecordedAging,
  RecordedFault,
  RecordedInvalidation,
} from '@mmu-notifier/trace';
import { type Action, OUTSIDE, callAction, faultAction, isPage } from './action.ts';
import type { FaultView } from './fault-view.ts';
import { Pairing, type Range } from './pairing.ts';
import type { ProbeLog, ProbedRange } from './probe.ts';
import { Reclaimed } from './reclaimed.ts';
import type { FidelityReport } from './report.ts';
import { WatchedSpaces } from './watch.ts';

/** Pages by which two reclaims in batches of 32 and a few more may differ without a meaning: four batches. */
const FAR_AHEAD = 128;

interface Made extends Range {
  readonly watched: boolean;
}

/** An action with the ranges of both sides. */
interface Entry {
  readonly action: Action;
  readonly recorded: Range[];
  readonly made: Made[];
}

export class FidelityComparison implements EventSink, ProbeLog {
  private readonly player: EventSink;
  private readonly view: FaultView;
  private readonly watched = new WatchedSpaces();
  private readonly faults = new Pairing('fault');
  private readonly entries = new Map<number, Entry>();
  /** Recorded ranges of calls that have not been played yet, by line. */
  private readonly early = new Map<number, RecordedInvalidation[]>();
  private readonly reclaim = { recorded: new Reclaimed(), model: new Reclaimed() };
  private readonly agings = { recorded: 0, model: 0 };
  private readonly presence = new Pairing('presence');
  private readonly outside = new Pairing('invalidation');
  private readonly reclaimResidues = new Pairing('reclaim');
  /** Recorded ranges of several pages that belong to nothing. */
  private readonly unexplained: RecordedInvalidation[] = [];
  /** Pages of the cgroup that the machine's processes did not have when the recorded kernel last reclaimed. */
  private elsewhere = 0;
  /** Line of the last call or fault behind which the recorded kernel reclaimed. */
  private pressedAt = -1;
  private pending: RecordedFault | undefined;
  private current: Entry | undefined;
  /** Line of the last call or fault. */
  private line = 0;
  /** How often reclaim had begun when the last call or fault began, or ended. */
  private reclaims = 0;

  constructor(player: EventSink, view: FaultView) {
    this.player = player;
    this.view = view;
  }

  recordedFault(fault: RecordedFault): void {
    this.pending = fault;
  }

  access(process: number, kind: AccessKind, address: number, size: number): void {
    const fault = this.pending;
    this.pending = undefined;
    if (fault === undefined) return this.player.access(process, kind, address, size);
    this.begin(fault.line, faultAction(fault));
    const present = this.view.present(process, address);
    const before = this.view.faults();
    this.player.access(process, kind, address, size);
    this.judge(fault, this.view.faults() - before, present);
    if (fault.access === 'fetch') this.watched.fetched(process, address);
    this.end();
  }

  event(event: MmEvent, origin: EventOrigin): void {
    const action = callAction(event);
    if (action !== undefined) {
      this.begin(event.line, action);
      for (const range of this.early.get(event.line) ?? []) this.note(range);
      this.early.delete(event.line);
    }
    this.player.event(event, origin);
    // The programs had run before on the recorded system: their files were cached.
    if (event.verb === 'file' || event.verb === 'truncate') this.view.warm(event.file);
    this.watched.follow(event);
    this.end();
  }

  finalLayout(process: number, segments: readonly LayoutSegment[]): void {
    this.player.finalLayout?.(process, segments);
  }

  recordedInvalidation(invalidation: RecordedInvalidation): void {
    const { cause } = invalidation;
    if (cause.name === 'other') {
      // Reclaim takes page by page.
      if (isPage(invalidation)) this.reclaimed(invalidation);
      else this.unexplained.push(invalidation);
      return;
    }
    if (this.entries.has(cause.line)) return this.note(invalidation);
    const waiting = this.early.get(cause.line);
    if (waiting === undefined) this.early.set(cause.line, [invalidation]);
    else waiting.push(invalidation);
  }

  recordedAging(_aging: RecordedAging): void {
    this.pressed();
    this.agings.recorded++;
  }

  range(range: ProbedRange): void {
    const process = processNumber(range.process) ?? 0;
    const reclaiming = this.view.reclaims() > this.reclaims;
    const { action, made } = this.current ?? { action: OUTSIDE };
    if (action.isReclaim(range, reclaiming)) this.reclaim.model.take(process, range.start);
    else if (made === undefined) this.outside.surplus(action.cause, this.line, range);
    else made.push({ ...range, watched: this.watched.on(process) });
  }

  young(): void {
    this.agings.model++;
  }

  report(): FidelityReport {
    const pairing = new Pairing('invalidation');
    let unwatched = 0;
    let otherSpace = 0;
    for (const [line, entry] of this.entries) {
      const made = entry.made.filter(({ watched }) => watched || !this.watched.found);
      unwatched += entry.made.length - made.length;
      otherSpace += pair(pairing, line, entry, made);
    }
    // Calls that were recorded with a range, and not played: they failed, or the language cannot say them.
    for (const [line, ranges] of this.early)
      for (const range of ranges) pairing.missing(`${range.cause.name}, not replayed`, line, named(range));
    for (const range of this.unexplained) pairing.missing('no call or fault', range.line, named(range));
    const { recorded, model } = this.reclaim;
    // What nothing but reclaim explains is worth a look where the machine never had to.
    const reclaimed = this.view.reclaims() === 0 ? this.reclaimResidues.residues : [];
    const presence = this.presence.total();
    return {
      faults: this.faults.total(),
      faultsByKind: this.faults.byCause(),
      presenceDiffers: presence.missing + presence.surplus,
      invalidations: pairing.total(),
      invalidationsByCause: pairing.byCause(),
      otherSpace,
      unwatched,
      outside: this.outside.total().surplus,
      reclaim: { recorded: recorded.count, model: model.count },
      agings: this.agings,
      elsewhere: this.elsewhere,
      refaults: { recorded: recorded.refaults, model: model.refaults },
      residues: [this.faults, this.presence, pairing, this.outside]
        .flatMap(({ residues }) => residues)
        .concat(reclaimed),
    };
  }

  private begin(line: number, action: Action): void {
    // Loading an image makes several calls on one line; so may a call that needs a file first.
    const known = this.entries.get(line);
    this.current = known === undefined ? { action, recorded: [], made: [] } : { ...known, action };
    this.entries.set(line, this.current);
    this.line = line;
    this.reclaims = this.view.reclaims();
  }

  private end(): void {
    this.current = undefined;
    this.reclaims = this.view.reclaims();
  }

  /** A recorded range whose action has begun. */
  private note(invalidation: RecordedInvalidation): void {
    const entry = this.entries.get(invalidation.cause.line) as Entry;
    if (entry.action.isForeign(invalidation)) this.reclaimed(invalidation);
    else entry.recorded.push(named(invalidation));
  }

  /** A recorded range that only reclaim explains. */
  private reclaimed(invalidation: RecordedInvalidation): void {
    this.pressed();
    this.reclaim.recorded.take(invalidation.process, invalidation.start);
    this.reclaimResidues.missing('reclaim', invalidation.line, named(invalidation));
  }

  /**
   * The recorded kernel reclaims, so its cgroup is full: what the machine's processes do not have of it is charged for what
   * the recording does not show. Not where the machine has reclaimed more already: unmapped pages of files that the kernel
   * took in their place leave no trace, and the charge for them would only grow.
   */
  private pressed(): void {
    if (this.pressedAt === this.line) return;
    this.pressedAt = this.line;
    const { model, recorded } = this.reclaim;
    if (model.count > recorded.count + FAR_AHEAD) return;
    this.elsewhere = this.view.fillCgroup();
  }

  private judge(fault: RecordedFault, made: number, present: boolean): void {
    const { line, address } = fault;
    const kind = kindOf(fault);
    const page = address - (address % 4096);
    const range = { process: `p${fault.process}`, start: page, end: page + 4096 };
    if (made === 0) this.faults.missing(kind, line, range);
    else this.faults.matched(kind);
    for (let more = 1; more < made; more++) this.faults.surplus(kind, line, range);
    if (made > 0 && present !== fault.present) this.presence[fault.present ? 'missing' : 'surplus'](kind, line, range);
    this.reclaim.recorded.faulted(fault.process, page);
    if (made > 0) this.reclaim.model.faulted(fault.process, page);
  }
}

function kindOf({ by, access, present }: RecordedFault): string {
  return `${by} ${access}${present ? ', page present' : ''}`;
}

function named({ process, start, end }: RecordedInvalidation): Range {
  return { process: `p${process}`, start, end };
}

/**
 * Both sides of one action as multisets of ranges: first within an address space, then across them. The recording names the
 * task that ran; the probe, the owner of the address space, who is another for children of `vfork` and for calls that reach
 * every mapping of a file.
 *
 * @returns how many pairs are of the second kind.
 */
function pair(pairing: Pairing, line: number, { action, recorded }: Entry, made: readonly Made[]): number {
  const left = [...made];
  const take = (same: (other: Range) => boolean): boolean => {
    const at = left.findIndex(same);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  };
  const alone = recorded.filter(
    (range) => !take((other) => other.process === range.process && sameBounds(other, range)),
  );
  const missing = alone.filter((range) => !take((other) => sameBounds(other, range)));
  for (let matched = recorded.length - missing.length; matched > 0; matched--) pairing.matched(action.cause);
  for (const range of missing) pairing.missing(action.cause, line, range);
  for (const range of left) pairing.surplus(action.cause, line, range);
  return alone.length - missing.length;
}

function sameBounds(one: Range, other: Range): boolean {
  return one.start === other.start && one.end === other.end;
}
