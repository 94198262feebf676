/** What a VMA allows and how it behaves: `vm_flags` of `include/linux/mm.h`. */
export const VmFlags = {
  Read: 0x1,
  Write: 0x2,
  Exec: 0x4,
  Shared: 0x8,
  GrowsDown: 0x10,
  Locked: 0x20,
  DontCopy: 0x40,
  WipeOnFork: 0x80,
  NoReserve: 0x100,
  NoHugePage: 0x400,
  MayWrite: 0x1000,
  /** Counted against the commit limit. */
  Account: 0x2000,
  Io: 0x4000,
  /** Its ptes map frames that nobody accounts for: a driver's window. Set with `Io`, `DontExpand` and `DontDump`. */
  PfnMap: 0x8000,
  DontExpand: 0x10000,
  DontDump: 0x20000,
} as const;

export const PROT_MASK: number = VmFlags.Read | VmFlags.Write | VmFlags.Exec;

/** `rwx` letters, `-` for none; in any order. @returns undefined for other letters. */
export function parseProt(text: string): number | undefined {
  let prot = 0;
  for (const letter of text) {
    if (letter === 'r') prot |= VmFlags.Read;
    else if (letter === 'w') prot |= VmFlags.Write;
    else if (letter === 'x') prot |= VmFlags.Exec;
    else if (letter !== '-') return undefined;
  }
  return prot;
}

/** `rw-` as in `/proc/PID/maps`. */
export function printProt(flags: number): string {
  const letter = (flag: number, name: string): string => ((flags & flag) !== 0 ? name : '-');
  return letter(VmFlags.Read, 'r') + letter(VmFlags.Write, 'w') + letter(VmFlags.Exec, 'x');
}
