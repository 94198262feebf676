/**
 * Entries of the guest's own page tables: x86-64, four levels of 512 entries of 8 bytes, as two 32-bit words.
 *
 *     low word   0 P | 1 RW | 2 US | 5 A | 6 D | 7 PS | 12..31 frame
 *     high word  0..19 frame | 31 NX
 *
 * A page of the guest is 4 KiB, or 2 MiB or 1 GiB where an entry of level 2 or 3 has PS.
 */

/** Bits of the low word. */
export const GpteBits = {
  Present: 1,
  Writable: 2,
  User: 4,
  Accessed: 32,
  Dirty: 64,
  PageSize: 128,
} as const;

/** In the high word. */
export const GPTE_NO_EXECUTE: number = 1 << 31;

export const GPTE_BYTES = 8;
export const ROOT_LEVEL = 4;

/** Which entry of a table of that level, 1 to 4, a guest-virtual address uses. */
export function gpteIndex(gva: number, level: number): number {
  return Math.floor(gva / 2 ** (12 + 9 * (level - 1))) % 512;
}

/** gfns that an entry of that level spans. */
export function gfnSpan(level: number): number {
  return 2 ** (9 * (level - 1));
}

/** The frame that an entry names. */
export function gpteGfn(low: number, high: number): number {
  return (low >>> 12) + (high & 0xfffff) * 2 ** 20;
}

/** One entry as a guest would write it. */
export function makeGpte(gfn: number, low: number, noExecute = false): readonly [low: number, high: number] {
  const frame = gfn * 4096;
  return [
    ((frame >>> 0) | low) >>> 0,
    ((Math.floor(frame / 2 ** 32) & 0xfffff) | (noExecute ? GPTE_NO_EXECUTE : 0)) >>> 0,
  ];
}
