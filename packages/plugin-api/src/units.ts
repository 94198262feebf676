/**
 * The units of the contract. Addresses are JavaScript numbers (47 bits are exact in a double); brands keep
 * units apart at compile time and cost nothing at run time.
 */

/** Bytes in a base page. @public */
export const PAGE_SIZE = 4096;

/**
 * First address above user space: 47 bits, x86-64 with four levels of page tables, but for the last page, which Linux
 * keeps free (`TASK_SIZE_MAX`). @public
 */
export const TASK_SIZE: number = 2 ** 47 - PAGE_SIZE;

/** Page frame number: which page of modelled physical memory. @public */
export type Pfn = number & { readonly __unit: 'pfn' };

/** Byte address in a process's address space (Linux calls the ones that a host process owns `hva`). @public */
export type VirtualAddress = number & { readonly __unit: 'va' };

/** Guest frame number: which page of a guest's physical memory. @public */
export type Gfn = number & { readonly __unit: 'gfn' };

/** Sizes that a translation can have: base, PMD leaf, PUD leaf. @public */
export type PageSize = 4096 | 2097152 | 1073741824;

/** The only way to make a `Pfn`: a pte's second word has 32 bits for it. @public */
export function pfn(n: number): Pfn {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 32) throw new RangeError(`a pfn is an integer below 2^32, found ${n}`);
  return n as Pfn;
}

/** The only way to make a `VirtualAddress`: user space ends at `TASK_SIZE`. @public */
export function virtualAddress(n: number): VirtualAddress {
  if (!Number.isInteger(n) || n < 0 || n > TASK_SIZE) {
    throw new RangeError(`an address is an integer from 0 to 0x7ffffffff000, found ${n}`);
  }
  return n as VirtualAddress;
}

/** The only way to make a `Gfn`. @public */
export function gfn(n: number): Gfn {
  if (!Number.isInteger(n) || n < 0 || n > 2 ** 40) throw new RangeError(`a gfn is an integer up to 2^40, found ${n}`);
  return n as Gfn;
}
