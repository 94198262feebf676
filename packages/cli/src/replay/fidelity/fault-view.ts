/** What the comparison asks a machine around a faulting access. */
import type { Machine } from '@mmu-notifier/core';
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';

export interface FaultView {
  /** Page faults so far. */
  faults(): number;
  /** How often reclaim has begun so far, at once or in `kswapd`. */
  reclaims(): number;
  /** Whether the page of `address` is mapped. */
  present(process: number, address: number): boolean;
  /** Charges to the cgroup what it has room for. @returns pages that are charged for what is not in the machine. */
  fillCgroup(): number;
  /** Brings a file into the page cache. */
  warm(file: string): void;
}

export function faultView(machine: Machine): FaultView {
  return {
    faults: () => machine.stats()['faults']?.['total'] ?? 0,
    reclaims: () => {
      const { directReclaims = 0, kswapdWakes = 0 } = machine.stats()['memory'] ?? {};
      return directReclaims + kswapdWakes;
    },
    present: (number, address) => {
      const process = machine.processes.get(`p${number}`);
      if (process === undefined || process.exited) return false;
      return machine.syscalls.pagemap(process, address - (address % PAGE_SIZE), PAGE_SIZE)[0]?.present === true;
    },
    fillCgroup: () => {
      const { max = 0, charged = 0 } = machine.stats()['cgroup'] ?? {};
      const elsewhere = Math.max(0, max - charged);
      machine.chargeElsewhere(elsewhere);
      return elsewhere;
    },
    warm: (file) => void machine.run('machine', machine.files.readAhead(file)),
  };
}
