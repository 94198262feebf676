/**
 * Where a program image lies. strace does not see what `execve` maps: the program, its loader, the stack, the vDSO. A maps
 * file of the same program, of another run at other addresses, says what was mapped and how it lay together; the calls of
 * the log say where: a loader makes the data that it has relocated read-only (RELRO), its own last.
 */
import type { MapsArea, RecordedMaps } from '../maps/parse-maps.ts';
import { PAGE_SIZE } from '../pages.ts';

/** Areas that move together, and the part of them that becomes read-only. */
interface Group {
  readonly areas: readonly MapsArea[];
  readonly relro: MapsArea;
}

const LOADER = /\/ld[^/]*\.so[^/]*$/;

export class ImageEvidence {
  readonly stack: MapsArea | undefined;
  private readonly groups: Group[];

  constructor({ areas }: RecordedMaps) {
    this.stack = areas.find(({ name }) => name === '[stack]');
    const files = [areas.find(isFile), areas.find(({ name }) => LOADER.test(name))];
    this.groups = files.flatMap((first) => (first === undefined ? [] : (groupOf(areas, first) ?? [])));
  }

  /**
   * What `execve` had mapped around memory that a loader makes read-only, at the addresses of the log.
   * Nothing where no group has such a part, or where `isFree` says that it cannot have been there.
   */
  place(start: number, length: number, isFree: (start: number, end: number) => boolean): MapsArea[] {
    for (const [index, { areas, relro }] of this.groups.entries()) {
      const bias = start - relro.start;
      if (relro.end - relro.start !== length || bias % PAGE_SIZE !== 0) continue;
      const placed = areas.map((area) => ({ ...area, start: area.start + bias, end: area.end + bias }));
      if (!placed.every((area) => area.start >= 0 && isFree(area.start, area.end))) continue;
      this.groups.splice(index, 1);
      return placed;
    }
    return [];
  }
}

function isFile({ name }: MapsArea): boolean {
  return name.startsWith('/');
}

/** The areas of one file as they were before RELRO, the zeroed memory behind its data, and the vDSO below it. */
function groupOf(areas: readonly MapsArea[], first: MapsArea): Group | undefined {
  const own = areas.filter(({ name }) => name === first.name);
  const data = own.findIndex(({ protection }) => protection.includes('w'));
  const relro = own[data - 1];
  const last = own.at(-1);
  if (relro === undefined || last === undefined || relro.end !== own[data]?.start) return undefined;
  const before = own.map((area) => (area === relro ? { ...area, protection: 'rw' as const } : area));
  const zeroed = areas.filter(({ start, name }) => start === last.end && name === '');
  return { areas: [...below(areas, own[0] as MapsArea), ...before, ...zeroed], relro };
}

/** `[vvar]` and `[vdso]`, where they lie right below. */
function below(areas: readonly MapsArea[], first: MapsArea): MapsArea[] {
  const found: MapsArea[] = [];
  for (let index = areas.indexOf(first) - 1; index >= 0; index--) {
    const area = areas[index] as MapsArea;
    if (!area.name.startsWith('[v') || area.end !== (found[0] ?? first).start) break;
    found.unshift(area);
  }
  return found;
}
