/**
 * How much memory the machine gets. A percentage is about the pages that hold data of the recording at its peak; on top
 * come a reserve for page tables and for what the kernel keeps free, so that 100 % replays without reclaim.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { type Progress, type Recording, measure } from '@mmu-notifier/trace';
import { type RamSize, checkHostMemory } from '../sizes.ts';
import { TablePageCounter } from './table-pages.ts';

/** What the recording needs at its peak. */
export interface MeasuredNeed {
  readonly residentPages: number;
  readonly tablePages: number;
}

export interface MachineSize {
  readonly ramBytes: number;
  readonly reserveBytes: number;
  readonly ramPercent?: number;
  readonly measured?: MeasuredNeed;
}

/** Without `--ram`: everything fits, and a quarter is free for what differs from the recorded system. */
const DEFAULT_PERCENT = 125;

/** Frames that the kernel needs for itself whatever runs: the zero page, the smallest watermark, pages on their way. */
const KERNEL_PAGES = 16;

/** Part of the memory that stays free before anything is reclaimed: the low watermark. */
const KEPT_FREE = 1.25 / 128;

/** Reads the recording once. */
export async function measureNeed(
  recording: Recording,
  onProgress: (progress: Progress) => void,
): Promise<MeasuredNeed> {
  let tables: TablePageCounter | undefined;
  const counted: Recording = {
    ...recording,
    read: (sink) => recording.read((tables = new TablePageCounter(sink))),
  };
  const { peakResidentPages } = await measure(counted, onProgress);
  return { residentPages: peakResidentPages, tablePages: tables?.peak ?? 1 };
}

/** @param measured - Needed unless `ram` is in bytes. @throws InputError when this host has less. */
export function sizeMachine(ram: RamSize | undefined, measured: MeasuredNeed | undefined): MachineSize {
  if (ram?.kind === 'bytes')
    return { ramBytes: ram.bytes, reserveBytes: 0, ...(measured === undefined ? {} : { measured }) };
  const percent = ram?.percent ?? DEFAULT_PERCENT;
  const { residentPages, tablePages } = measured ?? { residentPages: 0, tablePages: 0 };
  const dataPages = Math.max(1, Math.ceil((residentPages * percent) / 100));
  const reservePages = tablePages + KERNEL_PAGES + Math.ceil(dataPages * KEPT_FREE);
  const ramBytes = (dataPages + reservePages) * PAGE_SIZE;
  checkHostMemory(ramBytes, '--ram');
  const need = measured === undefined ? {} : { measured };
  return { ramBytes, reserveBytes: reservePages * PAGE_SIZE, ramPercent: percent, ...need };
}
