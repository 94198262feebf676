/**
 * The plain bytes of a file, chunk by chunk, whatever it is packed with. Memory does not grow with the file: gzip needs
 * a window of 32 KiB, zstd and xz the window that the packer chose (8 MiB for `xz -6`, 64 MiB for `xz -9`).
 *
 * A packed file that ends too early or whose checksum is wrong throws; what was delivered until then is not the
 * whole, and the consumer must not use it as if it were.
 */
import { createReadStream } from 'node:fs';
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Compression } from '../recording.ts';
import { TraceError } from '../trace-error.ts';
import { unpackXz } from './unpack-xz.ts';
import { unpackZstd } from './unpack-zstd.ts';

/** Bytes read from disk at once. */
const READ_SIZE = 256 * 1024;

/** A stream of chunks that also knows how much of the file it has taken in. */
export interface Unpacked {
  readonly chunks: AsyncIterable<Uint8Array>;
  bytesRead(): number;
}

/** Opens `path`, packed as `compression` says. */
export function unpack(path: string, compression: Compression): Unpacked {
  let bytesRead = 0;
  async function* packed(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: READ_SIZE })) {
        const bytes = chunk as Uint8Array;
        bytesRead += bytes.length;
        yield bytes;
      }
    } catch (error) {
      throw new TraceError({
        code: 'cannot-open',
        file: path,
        found: reason(error),
        expected: 'a file that can be read',
      });
    }
  }
  return { chunks: unpackChunks(path, compression, packed()), bytesRead: () => bytesRead };
}

/** Unpacks a stream of chunks; errors of the packing become a `TraceError`. */
export async function* unpackChunks(
  path: string,
  compression: Compression,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  if (compression === 'none') {
    yield* packed;
    return;
  }
  try {
    if (compression === 'gzip') yield* unpackGzip(packed);
    else if (compression === 'xz') yield* unpackXz(packed);
    else yield* unpackZstd(packed);
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const truncated = /unexpected (end|EOF)|error code 8/i.test(reason(error));
    throw new TraceError({
      code: truncated ? 'truncated' : 'corrupt',
      file: path,
      found: truncated ? `${compression} data that ends too early` : `damaged ${compression} data (${reason(error)})`,
      expected: `a complete ${compression} file`,
    });
  }
}

async function* unpackGzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gunzip = createGunzip({ chunkSize: READ_SIZE });
  // Whatever goes wrong on the way destroys `gunzip` with that error, and reading it below throws it.
  pipeline(Readable.from(packed, { objectMode: true }), gunzip, () => undefined);
  for await (const chunk of gunzip) yield chunk as Uint8Array;
}

/** What an error of Node or of a library says, in one line. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
