/** What `store ADDR SIZE` writes: the harness that runs the same script on a real kernel derives the same bytes. */

/** Byte `index` of the pattern of the event on script line `line`. */
export function patternByte(line: number, index: number): number {
  return (line * 131 + index * 7 + 17) & 0xff;
}

/** The first `size` bytes of the pattern of the event on script line `line`. */
export function storePattern(line: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = patternByte(line, i);
  return bytes;
}
