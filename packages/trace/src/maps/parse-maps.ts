/**
 * `/proc/PID/maps`: the areas of an address space, line by line.
 *
 *     55555556d000-555555627000 rw-p 00000000 00:00 0                          [heap]
 */
import type { Protection } from '../event.ts';
import { ADDRESS_LIMIT } from '../script/number.ts';
import { TraceError, quote } from '../trace-error.ts';

/** One line of `/proc/PID/maps`. Half-open. @public */
export interface MapsArea {
  readonly start: number;
  readonly end: number;
  readonly protection: Protection;
  readonly shared: boolean;
  /** Byte offset in the file; 0 for anonymous memory. */
  readonly offset: number;
  /** A path, a name in brackets (`[heap]`, `[vdso]`), or nothing. */
  readonly name: string;
}

/** The areas that a process of a recording ended with, and the file that says so. @public */
export interface RecordedMaps {
  readonly file: string;
  /** In order of addresses. */
  readonly areas: readonly MapsArea[];
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ([r-])([w-])([x-])([ps]) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ \d+\s*(.*)$/;

/** Every area of user space; what lies above (`[vsyscall]`) belongs to no process. @throws TraceError for other text. */
export function parseMaps(text: string, file: string): MapsArea[] {
  const areas: MapsArea[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const area = parseLine(line);
    if (area === undefined || area.start >= area.end || area.start < (areas.at(-1)?.end ?? 0)) {
      const expected = 'an area of /proc/PID/maps, in order of addresses';
      throw new TraceError({ code: 'syntax', file, line: index + 1, column: 1, found: quote(line), expected });
    }
    if (area.end <= ADDRESS_LIMIT) areas.push(area);
  }
  return areas;
}

function parseLine(line: string): MapsArea | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, start, end, read, write, execute, sharing, offset, name] = match as unknown as [string, ...string[]];
  const letters = `${read}${write}${execute}`.replaceAll('-', '');
  return {
    start: Number(`0x${start}`),
    end: Number(`0x${end}`),
    protection: letters === '' ? '-' : (letters as Protection),
    shared: sharing === 's',
    offset: Number(`0x${offset}`),
    name: (name ?? '').replace(/ \(deleted\)$/, ''),
  };
}
