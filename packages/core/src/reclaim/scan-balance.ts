/**
 * How many pages of each list one pass looks at: a share that grows with the urgency, split between anonymous and file
 * pages by swappiness and by what each kind has cost so far. Mirrors `prepare_scan_control` and `get_scan_count`.
 */
import type { Kernel } from '../kernel.ts';
import { type KindLists, type Lruvec, inactiveIsLow } from './lruvec.ts';
import type { ScanControl } from './scan-control.ts';

/** Pages to scan. */
export interface ScanCounts {
  inactiveAnon: number;
  activeAnon: number;
  inactiveFile: number;
  activeFile: number;
}

/** How gladly anonymous pages are swapped, of 200. `vm.swappiness` */
const SWAPPINESS = 60;

export function scanCounts(kernel: Kernel, control: ScanControl, lru: Lruvec): ScanCounts {
  control.deactivateAnon = control.forceDeactivate || mayDeactivate(lru.anon);
  control.deactivateFile = control.forceDeactivate || mayDeactivate(lru.file);
  const { anon, file } = shares(kernel, control, lru);
  const part = (length: number, share: number): number => Math.ceil(Math.floor(length / 2 ** control.priority) * share);
  return {
    inactiveAnon: part(lru.anon.inactive.length, anon),
    activeAnon: part(lru.anon.active.length, anon),
    inactiveFile: part(lru.file.inactive.length, file),
    activeFile: part(lru.file.active.length, file),
  };
}

/** Refaults that were worth activation say that the inactive list is too short for the working set. */
function mayDeactivate(lists: KindLists): boolean {
  return lists.activations !== lists.activationsSeen || inactiveIsLow(lists);
}

function shares(kernel: Kernel, control: ScanControl, lru: Lruvec): { anon: number; file: number } {
  if (!kernel.swap.hasRoom) return { anon: 0, file: 1 };
  if (control.priority === 0) return { anon: 1, file: 1 };
  if (control.reason !== 'cgroup' && fileIsTiny(kernel, control)) return { anon: 1, file: 0 };
  // Plenty of file pages that nobody misses: leave anonymous memory alone.
  const spare = Math.floor(lru.file.inactive.length / 2 ** control.priority) > 0 && !control.deactivateFile;
  if (spare) return { anon: 0, file: 1 };
  const total = lru.anon.cost + lru.file.cost;
  const anon = (SWAPPINESS * (2 * total + 1)) / (total + lru.anon.cost + 1);
  const file = ((200 - SWAPPINESS) * (2 * total + 1)) / (total + lru.file.cost + 1);
  return { anon: anon / (anon + file), file: file / (anon + file) };
}

/** Free memory and all file pages together would not do: only swapping helps. */
function fileIsTiny({ lru, allocator: { zone } }: Kernel, control: ScanControl): boolean {
  let files = 0;
  let inactiveAnon = 0;
  for (const { anon, file } of lru.all) {
    files += file.active.length + file.inactive.length;
    inactiveAnon += anon.inactive.length;
  }
  return (
    files + zone.freeFrames <= zone.watermarks.high &&
    !control.deactivateAnon &&
    Math.floor(inactiveAnon / 2 ** control.priority) > 0
  );
}
