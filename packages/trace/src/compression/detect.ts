/** Tells how a file is packed from its first bytes: names lie, magic numbers do not. */
import type { Compression } from '../recording.ts';

/** Bytes of a file's beginning that {@link detectCompression} wants to see. */
export const MAGIC_BYTES = 6;

/**
 * The packing that the magic number names.
 *
 *     gzip  1f 8b
 *     xz    fd '7zXZ' 00
 *     zstd  28 b5 2f fd, or a skippable frame 5? 2a 4d 18
 *
 * @public
 */
export function detectCompression(head: Uint8Array): Compression {
  const at = (i: number): number => head[i] ?? -1;
  if (at(0) === 0x1f && at(1) === 0x8b) return 'gzip';
  if (at(0) === 0xfd && at(1) === 0x37 && at(2) === 0x7a && at(3) === 0x58 && at(4) === 0x5a && at(5) === 0)
    return 'xz';
  if (at(0) === 0x28 && at(1) === 0xb5 && at(2) === 0x2f && at(3) === 0xfd) return 'zstd';
  if ((at(0) & 0xf0) === 0x50 && at(1) === 0x2a && at(2) === 0x4d && at(3) === 0x18) return 'zstd';
  return 'none';
}
