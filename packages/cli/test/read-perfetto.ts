/**
 * Reads a trace with another decoder than the one that wrote it, by the numbers of fields that Perfetto's own definitions
 * have, and refuses whatever a viewer would stumble over.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';

type Field = number | bigint | Uint8Array;
/** Fields of one message, by number. */
type Message = ReadonlyMap<number, readonly Field[]>;

export interface ReadTrack {
  readonly name: string;
  readonly parent: number;
  readonly process: string | undefined;
  readonly thread: string | undefined;
  readonly counter: boolean;
}

export interface ReadSlice {
  readonly track: number;
  readonly category: string;
  readonly name: string;
  readonly start: number;
  end: number;
  readonly depth: number;
  readonly args: Record<string, number | string>;
}

export interface ReadTrace {
  readonly tracks: ReadonlyMap<number, ReadTrack>;
  readonly slices: readonly ReadSlice[];
  readonly instants: readonly ReadSlice[];
  readonly counters: ReadonlyMap<string, readonly number[]>;
  /** Begins, ends, instants and counter values. */
  readonly events: number;
  readonly last: number;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

function decode(bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value = type === BYTES ? reader.bytes() : type === VARINT ? reader.uint64() : undefined;
    if (value === undefined) throw new Error(`field ${number} has wire type ${type}, ${FIXED64} and 5 are not used`);
    fields.set(number, [...(fields.get(number) ?? []), typeof value === 'string' ? BigInt(value) : value]);
  }
  return fields;
}

const number = (message: Message, field: number): number | undefined => {
  const value = message.get(field)?.[0];
  return value === undefined ? undefined : Number(value);
};
const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((bytes) => decode(bytes as Uint8Array));
const text = (message: Message, field: number): string | undefined => {
  const bytes = message.get(field)?.[0];
  return bytes === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(bytes as Uint8Array);
};

/** @throws where slices do not balance, time goes back, or something is named that was not written before. */
export function readPerfetto(bytes: Uint8Array): ReadTrace {
  const tracks = new Map<number, ReadTrack>();
  const interned: Map<number, string>[] = [new Map(), new Map(), new Map()];
  const open = new Map<number, ReadSlice[]>();
  const slices: ReadSlice[] = [];
  const instants: ReadSlice[] = [];
  const counters = new Map<string, number[]>();
  let [events, last] = [0, 0];
  const name = (kind: number, iid: number): string => {
    const found = interned[kind]?.get(iid);
    if (found === undefined) throw new Error(`name ${iid} of kind ${kind} was not written before`);
    return found;
  };
  for (const packet of messages(decode(bytes), 1)) {
    if (number(packet, 10) !== 1) throw new Error('a packet is of no sequence');
    for (const described of messages(packet, 60)) readTrack(described, tracks);
    for (const data of messages(packet, 12)) {
      for (const kind of [0, 1, 2])
        for (const entry of messages(data, kind + 1)) interned[kind]?.set(number(entry, 1) ?? 0, text(entry, 2) ?? '');
    }
    for (const event of messages(packet, 11)) {
      events++;
      const at = number(packet, 8);
      if (at === undefined || at < last) throw new Error(`time goes from ${last} to ${at}`);
      last = at;
      const track = number(event, 11) ?? 0;
      const described = tracks.get(track);
      if (described === undefined) throw new Error(`track ${track} was not described before`);
      const args = argumentsOf(event, (iid) => name(2, iid));
      const stack = open.get(track) ?? [];
      open.set(track, stack);
      const slice = (): ReadSlice => ({
        track,
        category: name(0, number(event, 3) ?? 0),
        name: name(1, number(event, 10) ?? 0),
        start: at,
        end: at,
        depth: stack.length,
        args,
      });
      switch (number(event, 9)) {
        case 1:
          stack.push(slice());
          break;
        case 2: {
          const ended = stack.pop();
          if (ended === undefined) throw new Error(`a slice ends on ${described.name} that did not begin`);
          ended.end = at;
          Object.assign(ended.args, args);
          slices.push(ended);
          break;
        }
        case 3:
          instants.push(slice());
          break;
        case 4:
          if (!described.counter) throw new Error(`${described.name} has a value and is no counter`);
          counters.set(described.name, [...(counters.get(described.name) ?? []), number(event, 30) ?? 0]);
          break;
        default:
          throw new Error(`an event is of type ${number(event, 9)}`);
      }
    }
  }
  for (const [track, stack] of open)
    if (stack.length > 0) throw new Error(`${stack.length} slices on ${tracks.get(track)?.name} do not end`);
  return { tracks, slices, instants, counters, events, last };
}

function readTrack(described: Message, tracks: Map<number, ReadTrack>): void {
  const [process, thread] = [messages(described, 3)[0], messages(described, 4)[0]];
  tracks.set(number(described, 1) ?? 0, {
    name: text(described, 2) ?? '',
    parent: number(described, 5) ?? 0,
    process: process && text(process, 6),
    thread: thread && text(thread, 5),
    counter: described.has(8),
  });
}

function argumentsOf(event: Message, name: (iid: number) => string): Record<string, number | string> {
  return Object.fromEntries(
    messages(event, 4).map((annotation) => [
      name(number(annotation, 1) ?? 0),
      text(annotation, 6) ?? number(annotation, 4) ?? number(annotation, 7) ?? number(annotation, 2) ?? 0,
    ]),
  );
}
