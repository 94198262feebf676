/**
 * Holds the areas of a process against those of a `/proc/PID/maps`, maybe of another run of the same program at other
 * addresses. Twice:
 *
 * - area by area in their order, each by its length, protection, file, offset and name, and by whether it begins where the
 *   one below it ends (but for the heap, which has a random place of its own);
 * - by kind, wherever it lies: how many pages of each file, and of anonymous memory, with each protection.
 */
import type { MapsEntry } from '@mmu-notifier/core';
import type { MapsArea, RecordedMaps } from '@mmu-notifier/trace';
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { hex } from '../sizes.ts';

/** Numbers of areas, and the ones that have no partner. */
export interface MapsComparison {
  readonly process: string;
  /** The maps file. */
  readonly file: string;
  readonly recorded: number;
  readonly equal: number;
  /** Recorded, and not here: `132 KiB rw-p [stack], behind a gap`. */
  readonly missing: readonly string[];
  /** Here, and not recorded. */
  readonly surplus: readonly string[];
  /** The same by kind, in pages. */
  readonly pages: { readonly recorded: number; readonly missing: number; readonly surplus: number };
}

type Area = Omit<MapsArea, 'protection'> & { readonly protection: string };

/** @param heapStart - Where the heap of the process begins; 0 where nobody has said it. */
export function compareMaps(
  process: string,
  maps: readonly MapsEntry[],
  { file, areas }: RecordedMaps,
  heapStart: number,
): MapsComparison {
  const recorded: Area[] = areas.map((area) => ({ ...area, name: nameOf(area) }));
  const found = maps.map((entry) => areaOf(entry, heapStart));
  const { missing, surplus } = unpaired(describe(recorded), describe(found));
  const equal = recorded.length - missing.length;
  return { process, file, recorded: recorded.length, equal, missing, surplus, pages: byKind(recorded, found) };
}

/** A stack is anonymous memory; that it grows down is not in the areas of the machine. */
function nameOf({ name }: MapsArea): string {
  return name === '[stack]' ? '' : name;
}

function areaOf({ start, end, prot, shared, offset, file }: MapsEntry, heapStart: number): Area {
  const name = file ?? (start === heapStart ? '[heap]' : '');
  return { start, end, protection: prot, shared, offset, name };
}

function describe(areas: readonly Area[]): string[] {
  return areas.map((area, index) => {
    const { start, offset, name } = area;
    const from = name.startsWith('/') ? ` from ${hex(offset)}` : '';
    const gap = name === '[heap]' || areas[index - 1]?.end === start ? '' : ', behind a gap';
    return `${pagesOf(area) * 4} KiB ${kindOf(area)}${from}${gap}`;
  });
}

/** `rw-p /usr/bin/ls`. */
function kindOf({ protection, shared, name }: Area): string {
  const mode = [...'rwx'].map((letter) => (protection.includes(letter) ? letter : '-')).join('');
  return `${mode}${shared ? 's' : 'p'} ${name === '' ? 'anonymous' : name}`;
}

function pagesOf({ start, end }: Area): number {
  return (end - start) / PAGE_SIZE;
}

function byKind(recorded: readonly Area[], found: readonly Area[]): MapsComparison['pages'] {
  const difference = new Map<string, number>();
  const add = (area: Area, pages: number): unknown =>
    difference.set(kindOf(area), (difference.get(kindOf(area)) ?? 0) + pages);
  for (const area of recorded) add(area, -pagesOf(area));
  for (const area of found) add(area, pagesOf(area));
  const pages = { recorded: recorded.reduce((sum, area) => sum + pagesOf(area), 0), missing: 0, surplus: 0 };
  for (const more of difference.values()) {
    if (more < 0) pages.missing -= more;
    else pages.surplus += more;
  }
  return pages;
}

/** What a longest common sequence of both leaves over. */
function unpaired(theirs: readonly string[], ours: readonly string[]): { missing: string[]; surplus: string[] } {
  const width = ours.length + 1;
  const longest = new Int32Array((theirs.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] as number;
  for (let i = theirs.length - 1; i >= 0; i--)
    for (let j = ours.length - 1; j >= 0; j--)
      longest[i * width + j] = theirs[i] === ours[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const missing: string[] = [];
  const surplus: string[] = [];
  let [i, j] = [0, 0];
  while (i < theirs.length || j < ours.length) {
    if (i < theirs.length && theirs[i] === ours[j]) [i, j] = [i + 1, j + 1];
    else if (j >= ours.length || (i < theirs.length && at(i + 1, j) >= at(i, j + 1)))
      missing.push(theirs[i++] as string);
    else surplus.push(ours[j++] as string);
  }
  return { missing, surplus };
}
