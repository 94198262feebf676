/** Units and page geometry, x86-64 with four levels of page tables. */
export { PAGE_SIZE, TASK_SIZE } from '@mmu-notifier/plugin-api';
export type { Errno, Pfn, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';

/** Bytes that one last-level table maps. */
export const PMD_SIZE: number = 2 ** 21;

export function pageFloor(address: number): number {
  return address - (address % 4096);
}

/** Rounds up to a page; the result may be 2^47 and more. */
export function pageCeil(address: number): number {
  return pageFloor(address + 4095);
}

export function isPageAligned(address: number): boolean {
  return address % 4096 === 0;
}
