/**
 * Writes packets of Perfetto's format, one after the other: a trace is its packets in a row, so nothing is kept in
 * memory. Names are written once and then called by number.
 */
import protobuf from 'protobufjs';
import { readAsset } from '../../assets.ts';
import type { OutputFile } from '../../output-file.ts';

export const EventType = { begin: 1, end: 2, instant: 3, counter: 4 } as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** What is known about a slice, for the panel that a click on it opens. */
export type Argument = readonly [name: string, value: number | string | boolean, kind?: 'address'];

/** A begin, an end, an instant or a value of a counter, on one track. */
export interface TraceEvent {
  readonly at: number;
  readonly track: number;
  readonly type: EventType;
  /** Begins and instants have one; of a fault it is known when it ends. */
  name?: string;
  readonly category?: string;
  args?: readonly Argument[];
  readonly value?: number;
}

export interface TrackDescription {
  readonly uuid: number;
  readonly name?: string;
  readonly parentUuid?: number;
  readonly process?: { readonly pid: number; readonly processName: string };
  readonly thread?: { readonly pid: number; readonly tid: number; readonly threadName: string };
  readonly counter?: { readonly unitName: string };
}

/** One writer is one sequence: what it interned holds for all its packets. */
const SEQUENCE = 1;
const CLEARED = 1;
const NEEDS_INTERNED = 2;

interface Named {
  readonly iid: number;
  readonly name: string;
}

/** Names of one kind: those that the file has, and those that the next packet must bring. */
class Names {
  fresh: Named[] = [];
  private readonly known = new Map<string, number>();

  of(name: string): number {
    let iid = this.known.get(name);
    if (iid === undefined) {
      iid = this.known.size + 1;
      this.known.set(name, iid);
      this.fresh.push({ iid, name });
    }
    return iid;
  }
}

export class PacketWriter {
  private readonly file: OutputFile;
  private readonly trace: protobuf.Type = traceType();
  private readonly names = new Names();
  private readonly categories = new Names();
  private readonly argumentNames = new Names();

  constructor(file: OutputFile) {
    this.file = file;
    this.packet({ sequenceFlags: CLEARED, trustedPacketSequenceId: SEQUENCE });
  }

  track(trackDescriptor: TrackDescription): void {
    this.packet({ trackDescriptor, trustedPacketSequenceId: SEQUENCE });
  }

  event({ at, track, type, name, category, args, value }: TraceEvent): void {
    const trackEvent = {
      type,
      trackUuid: track,
      ...(name === undefined ? {} : { nameIid: this.names.of(name) }),
      ...(category === undefined ? {} : { categoryIids: [this.categories.of(category)] }),
      ...(args === undefined ? {} : { debugAnnotations: args.map((argument) => this.annotation(argument)) }),
      ...(value === undefined ? {} : { counterValue: value }),
    };
    const internedData = this.freshNames();
    this.packet({
      timestamp: at,
      trustedPacketSequenceId: SEQUENCE,
      sequenceFlags: NEEDS_INTERNED,
      ...(internedData === undefined ? {} : { internedData }),
      trackEvent,
    });
  }

  private annotation([name, value, kind]: Argument): object {
    const nameIid = this.argumentNames.of(name);
    if (typeof value === 'string') return { nameIid, stringValue: value };
    if (typeof value === 'boolean') return { nameIid, boolValue: value };
    return kind === 'address' ? { nameIid, pointerValue: value } : { nameIid, intValue: value };
  }

  private freshNames(): object | undefined {
    const { names, categories, argumentNames } = this;
    if (names.fresh.length + categories.fresh.length + argumentNames.fresh.length === 0) return undefined;
    const fresh = {
      eventNames: names.fresh,
      eventCategories: categories.fresh,
      debugAnnotationNames: argumentNames.fresh,
    };
    for (const kind of [names, categories, argumentNames]) kind.fresh = [];
    return fresh;
  }

  private packet(packet: object): void {
    this.file.write(this.trace.encode({ packet: [packet] }).finish());
  }
}

function traceType(): protobuf.Type {
  return protobuf.parse(readAsset('perfetto.proto')).root.lookupType('perfetto.protos.Trace');
}
