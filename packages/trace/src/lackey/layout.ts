/**
 * `--PID:1: aspacem …` lines: the segments of an address space as valgrind's manager shows them.
 *
 *     (1,49,7) /usr/bin/ls                                                          name 1,49
 *       1: file 0000108000-0000166fff  389120 r---- d=0xfe00 i=2170886 o=0 (1,49)   range with inclusive end
 *      11: anon 0004035000-0004035fff    4096 rwx--
 *      12: RSVN 0004036000-0004834fff 8384512 ----- SmLower                         room the heap grows into
 *      25: RSVN 1ffe801000-1ffeffefff 8380416 ----- SmUpper                         room the stack grows into
 */
import type { Protection } from '../event.ts';
import { PAGE_SIZE } from '../pages.ts';

/** One range of a layout. Half-open. @public */
export interface LayoutSegment {
  readonly start: number;
  readonly end: number;
  readonly protection: Protection;
  /** Absent for anonymous memory. */
  readonly file?: string;
  readonly offset?: number;
}

/** A complete layout. */
export interface Layout {
  readonly when: 'startup' | 'shutdown';
  readonly segments: readonly LayoutSegment[];
  /** The segment that grows down, if there is room below it. */
  readonly stack?: LayoutSegment;
  /** Where the heap begins, if there is room for one. */
  readonly heapStart?: number;
}

interface Room {
  readonly start: number;
  readonly end: number;
  readonly side: 'SmLower' | 'SmUpper';
}

const SEGMENT =
  /^\s*\d+: (file|anon|shm|RSVN)\s+([0-9a-f]+)-([0-9a-f]+)\s+\S+\s+([r-][w-][x-])\S*(?:\s+d=\S+\s+i=(\d+)\s+o=(\d+)\s+\((\d+,-?\d+)\))?\s*(Sm\w+)?/;

/** Collects the lines of one layout. */
export class LayoutReader {
  private readonly when: 'startup' | 'shutdown';
  private readonly names = new Map<string, string>();
  private readonly segments: LayoutSegment[] = [];
  private readonly rooms: Room[] = [];

  constructor(when: 'startup' | 'shutdown') {
    this.when = when;
  }

  /** Takes the text behind `aspacem `; false for a line of no known shape. */
  line(text: string): boolean {
    const name = /^\((\d+),(\d+),\d+\) (.*)$/.exec(text);
    if (name !== null) {
      this.names.set(`${name[1] ?? ''},${name[2] ?? ''}`, name[3] ?? '');
      return true;
    }
    const match = SEGMENT.exec(text);
    if (match === null) return false;
    const start = Number(`0x${match[2] ?? ''}`);
    const end = Number(`0x${match[3] ?? ''}`) + 1;
    if (!(start < end && end <= 2 ** 47 && start % PAGE_SIZE === 0 && end % PAGE_SIZE === 0)) return false;
    const side = match[8];
    if (match[1] === 'RSVN') {
      if (side === 'SmLower' || side === 'SmUpper') this.rooms.push({ start, end, side });
      return true;
    }
    const letters = (match[4] ?? '').replaceAll('-', '');
    const protection = (letters === '' ? '-' : letters) as Protection;
    if (match[1] !== 'file') this.segments.push({ start, end, protection });
    else {
      const file = this.names.get(match[7] ?? '') ?? `inode-${match[5] ?? '0'}`;
      this.segments.push({ start, end, protection, file, offset: Number(match[6] ?? 0) });
    }
    return true;
  }

  /** All lines are in. */
  finish(): Layout {
    const stack = this.segments.find((s) => this.rooms.some((r) => r.side === 'SmUpper' && r.end === s.start));
    const room = this.rooms.find((r) => r.side === 'SmLower');
    const below = this.segments.find((s) => s.end === room?.start && s.file === undefined);
    const heapStart = below?.start ?? room?.start;
    return {
      when: this.when,
      segments: this.segments,
      ...(stack === undefined ? {} : { stack }),
      ...(heapStart === undefined ? {} : { heapStart }),
    };
  }
}
