/**
 * A page-table entry is two 32-bit words: flags, and a pfn or a swap slot. The flags that hardware knows have their
 * x86-64 places; an entry that is not present but not none is a swap entry.
 *
 *     word 0:  ... | 10 exclusive | 9 swap | 7 huge | 6 dirty | 5 accessed | 2 user | 1 writable | 0 present
 *     word 1:  pfn (present) or swap slot (swap)
 */
export const Pte = {
  None: 0,
  Present: 0x1,
  Writable: 0x2,
  User: 0x4,
  Accessed: 0x20,
  Dirty: 0x40,
  Huge: 0x80,
  Swap: 0x200,
  /** Swap entry of a page that only this mm owned. */
  SwapExclusive: 0x400,
  NoExec: 0x800,
  /** PROT_NONE: present for software only. Hardware and devices treat it as gone. */
  ProtNone: 0x1000,
  /** Mapped without a reference and unknown to the reverse map: a page of a driver's window. */
  Special: 0x2000,
} as const;

/** Present for software: mapped, although PROT_NONE hides it from hardware. */
export function isMapped(flags: number): boolean {
  return (flags & (Pte.Present | Pte.ProtNone)) !== 0;
}

export function isSwap(flags: number): boolean {
  return (flags & Pte.Swap) !== 0;
}
