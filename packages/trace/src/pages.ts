/** Page geometry of recordings: x86-64, 4 KiB. */

/** Bytes in a page. */
export const PAGE_SIZE = 4096;

/** `address` rounded up to a page. */
export function pageUp(address: number): number {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}
