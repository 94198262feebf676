/** How memory stands, looked at over a run. */
import type { Machine } from '@mmu-notifier/core';

/** Counters of the machine since boot, and what there is at that moment. */
export interface Sample {
  /** Accesses and calls of the recording so far. */
  readonly events: number;
  /** Pages that processes have in memory: a page that two of them share counts twice. */
  readonly resident: number;
  /** Pages that only swap has. */
  readonly swapped: number;
  readonly free: number;
  /** Faults by kind, since boot. */
  readonly faults: Readonly<Record<string, number>>;
  /** Pages to and from swap, since boot. */
  readonly pagesOut: number;
  readonly pagesIn: number;
  /** Notifier ranges by event, since boot. */
  readonly ranges: Readonly<Record<string, number>>;
  readonly devices: readonly DeviceSample[];
}

export interface DeviceSample {
  readonly name: string;
  /** Translations that it holds. */
  readonly live: number;
  /** Since boot. */
  readonly established: number;
  readonly invalidated: number;
}

export function takeSample(machine: Machine, deviceNames: readonly string[], events: number): Sample {
  const stats = machine.stats();
  const count = (group: string, name: string): number => stats[group]?.[name] ?? 0;
  return {
    events,
    resident: residentPages(machine),
    swapped: Math.max(0, count('swap', 'used') - count('swap', 'cached')),
    free: count('memory', 'free'),
    faults: stats['faults'] ?? {},
    pagesOut: count('swap', 'pagesOut'),
    pagesIn: count('swap', 'pagesIn'),
    ranges: stats['notifierEvents'] ?? {},
    devices: deviceNames.map((name) => ({
      name,
      live: count(name, 'ledger_live'),
      established: count(name, 'ledger_established'),
      invalidated: count(name, 'ledger_invalidated'),
    })),
  };
}

function residentPages({ processes, syscalls }: Machine): number {
  let pages = 0;
  for (const process of processes.values()) {
    if (process.exited) continue;
    const { anon, file, shmem } = syscalls.rss(process);
    pages += anon + file + shmem;
  }
  return pages;
}
