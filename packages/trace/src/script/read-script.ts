/**
 * Streams a recording in the event language into a sink, for `replay`: memory does not grow with the file. Plain
 * accesses (a numbered process, a number as address, no task, no result) go to `access`, everything else to `event`.
 *
 * Unlike `parseScript`, this delivers events before the end of the file has been seen.
 */
import { AccessKind } from '../event-sink.ts';
import type { EventSink } from '../event-sink.ts';
import { makesProcess, processNumber } from '../event.ts';
import type { MmEvent } from '../event.ts';
import type { Unpacked } from '../compression/unpack.ts';
import type { ImageInfo, Progress, RecordingSummary } from '../recording.ts';
import { wholeLines } from '../whole-lines.ts';
import { scanAccess } from './scan-access.ts';
import type { ScannedAccess } from './scan-access.ts';
import { ScriptParser } from './script-parser.ts';

const NEWLINE = 0x0a;

/** The event as an access, if it is a plain one. */
export function plainAccess(event: MmEvent): ScannedAccess | undefined {
  if (event.actor.kind !== 'process' || event.task !== undefined) return undefined;
  if (event.binding !== undefined || event.recorded !== undefined) return undefined;
  if (event.verb !== 'load' && event.verb !== 'store' && event.verb !== 'modify' && event.verb !== 'fetch')
    return undefined;
  const process = processNumber(event.actor.name);
  if (process === undefined || typeof event.address !== 'number') return undefined;
  if (event.verb === 'store' && event.data !== undefined) return undefined;
  return { process, kind: AccessKind[event.verb], address: event.address, size: event.size };
}

/** Follows which processes live, for the summary. */
class ImageList {
  private readonly live = new Map<string, ImageInfo>([['p1', { process: 1, pid: 0, command: '', end: 'open' }]]);
  private readonly ended: ImageInfo[] = [];

  follow(event: MmEvent): void {
    if (event.actor.kind !== 'process') return;
    const image = this.live.get(event.actor.name);
    if (makesProcess(event) && event.binding !== undefined) {
      const process = processNumber(event.binding) ?? 0;
      this.live.set(event.binding, { process, pid: 0, command: '', end: 'open' });
    } else if (image !== undefined && (event.verb === 'exit' || event.verb === 'exec')) {
      this.ended.push({ ...image, end: event.verb });
      if (event.verb === 'exit') this.live.delete(event.actor.name);
    }
  }

  all(): ImageInfo[] {
    return [...this.ended, ...this.live.values()];
  }
}

/** Delivers everything in order; yields after each chunk. */
export async function* readScript(
  file: string,
  source: Unpacked,
  totalBytes: number,
  sink: EventSink,
): AsyncGenerator<Progress, RecordingSummary, void> {
  const parser = new ScriptParser(file);
  const images = new ImageList();
  const access: ScannedAccess = { process: 0, kind: AccessKind.load, address: 0, size: 0 };
  let lines = 0;
  let accesses = 0;
  const deliver = (found: ScannedAccess): void => {
    accesses++;
    sink.access(found.process, found.kind, found.address, found.size);
  };
  const slow = (text: string): void => {
    const parsed = parser.parse(lines === 1 ? text.replace(/^\uFEFF/, '') : text, lines);
    if (parsed === undefined || !('event' in parsed)) return;
    const plain = plainAccess(parsed.event);
    if (plain !== undefined) return deliver(plain);
    images.follow(parsed.event);
    sink.event(parsed.event, 'call');
  };
  const progress = (): Progress => ({ bytesRead: source.bytesRead(), totalBytes, lines, accesses });
  for await (const { bytes, end } of wholeLines(source.chunks, file)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < end;) {
      lines++;
      const next = parser.sequential ? scanAccess(bytes, at, end, access) : 0;
      if (next > 0) deliver(access);
      else slow(text.toString('utf8', at, endOfLine(bytes, at, end)));
      at = next > 0 ? next : endOfLine(bytes, at, end) + 1;
    }
    yield progress();
  }
  const nothing = { failedCalls: {}, unsupportedCalls: {}, threads: 0, forks: [], processSwitches: 0 };
  return { ...progress(), ...nothing, images: images.all() };
}

function endOfLine(bytes: Uint8Array, from: number, end: number): number {
  const at = bytes.indexOf(NEWLINE, from);
  return at < 0 ? end : at;
}
