/** A small file as one text. */
import { open } from 'node:fs/promises';
import { MAGIC_BYTES, detectCompression } from './detect.ts';
import { type Unpacked, unpack } from './unpack.ts';

/** Opens a file that may be packed. */
export async function unpackFile(path: string): Promise<Unpacked> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    return unpack(path, detectCompression(buffer.subarray(0, bytesRead)));
  } finally {
    await handle.close();
  }
}

/** Everything that is in it. */
export async function unpackWhole(path: string): Promise<string> {
  const { chunks } = await unpackFile(path);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts).toString('utf8');
}
