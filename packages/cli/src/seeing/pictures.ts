/**
 * Pictures of address spaces over a run. Most of a picture is as it was in the one before, so mappings and rows of pages
 * are written once and then called by number.
 */
import type { AddressSpaceArea, Machine, PageState, Process } from '@mmu-notifier/core';
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { Thinned } from './thinning.ts';

const MOST_PICTURES = 49;
/** A picture costs as much as there are pages: none is taken more often than this many events. */
const LEAST_INTERVAL = 1024;
/** Mappings and runs of pages in all pictures together: beyond this the page grows by tens of MiB. */
const MOST_PARTS = 400_000;
/** Processes that get a picture of their own when they exit. */
const MOST_LAST_LOOKS = 32;

const STATES: Readonly<Record<PageState, number>> = { swapped: 1, resident: 2, 'device-mapped': 3, pinned: 4 };

/** All address spaces at one moment, or one process just before it exits. */
export interface Picture {
  readonly events: number;
  /** Set where a process was about to exit. */
  readonly exit?: string;
  readonly processes: readonly { readonly name: string; readonly areas: readonly (readonly [number, number])[] }[];
}

export interface Album {
  readonly areas: readonly AreaDescription[];
  /** Rows of pages: offset in pages, length, state (1 swapped, 2 resident, 3 mapped by a device, 4 pinned), and so on. */
  readonly rows: readonly (readonly number[])[];
  readonly pictures: readonly Picture[];
}

export interface AreaDescription {
  /** Hexadecimal. */
  readonly start: string;
  readonly pages: number;
  readonly prot: string;
  readonly shared: boolean;
  readonly file: string | undefined;
}

export class Photographer {
  private readonly machine: Machine;
  private readonly regular = new Thinned<Picture>(MOST_PICTURES, LEAST_INTERVAL);
  private readonly exits: Picture[] = [];
  private readonly areas = new Numbered<AreaDescription>();
  private readonly rows = new Numbered<readonly number[]>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** @returns when to look again. */
  look(events: number): number {
    const running = [...this.machine.processes.values()].filter((process) => !process.exited);
    this.regular.add(this.take(events, running));
    if (this.parts() > MOST_PARTS) this.regular.thin();
    return this.regular.next(events);
  }

  lastLook(process: Process, events: number): void {
    if (this.exits.length < MOST_LAST_LOOKS) this.exits.push({ ...this.take(events, [process]), exit: process.name });
  }

  /** What was kept, in order, with the rows that it needs. */
  album(): Album {
    const pictures = [...this.regular.kept, ...this.exits].sort((a, b) => a.events - b.events);
    const areas = new Numbered<AreaDescription>();
    const rows = new Numbered<readonly number[]>();
    const renumbered = pictures.map((picture) => ({
      ...picture,
      processes: picture.processes.map(({ name, areas: pairs }) => ({
        name,
        areas: pairs.map(([area, row]) => [areas.of(this.areas.values[area]), rows.of(this.rows.values[row])] as const),
      })),
    }));
    return { areas: areas.values, rows: rows.values, pictures: renumbered };
  }

  private take(events: number, processes: readonly Process[]): Picture {
    return {
      events,
      processes: processes.map((process) => ({
        name: process.name,
        areas: this.machine
          .addressSpace(process)
          .map((area) => [this.areas.of(description(area)), this.rows.of(rowOf(area))] as const),
      })),
    };
  }

  private parts(): number {
    let parts = 0;
    for (const { processes } of this.regular.kept)
      for (const { areas } of processes)
        for (const [, row] of areas) parts += 1 + (this.rows.values[row]?.length ?? 0) / 3;
    return parts;
  }
}

function description({ start, end, prot, shared, file }: AddressSpaceArea): AreaDescription {
  return { start: start.toString(16), pages: (end - start) / PAGE_SIZE, prot, shared, file };
}

function rowOf({ start, runs }: AddressSpaceArea): readonly number[] {
  return runs.flatMap(({ address, pages, state }) => [(address - start) / PAGE_SIZE, pages, STATES[state]]);
}

/** Equal things get one number. */
class Numbered<T> {
  readonly values: T[] = [];
  private readonly known = new Map<string, number>();

  of(value: T | undefined): number {
    const key = JSON.stringify(value);
    let number = this.known.get(key);
    if (number === undefined) {
      number = this.values.length;
      this.known.set(key, number);
      this.values.push(value as T);
    }
    return number;
  }
}
