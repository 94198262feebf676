/** Opens a file as a recording, whatever it is packed with and whichever of the known formats it has. */
import { open, stat } from 'node:fs/promises';
import { MAGIC_BYTES, detectCompression } from './compression/detect.ts';
import { reason, unpack } from './compression/unpack.ts';
import { readLackey } from './lackey/read-lackey.ts';
import { PerfScriptImporter } from './perf-script/importer.ts';
import type { Compression, Recording, RecordingFormat } from './recording.ts';
import { readScript } from './script/read-script.ts';
import { SNIFF_SIZE, sniffFormat } from './sniff.ts';
import { readStrace } from './strace/read-strace.ts';
import { readTextLines } from './text-lines.ts';
import { TraceError } from './trace-error.ts';

/**
 * Opens a recording. Nothing but its beginning is read; `read` does the rest, as often as wanted.
 *
 * @throws {@link TraceError} for what is no readable file, is empty, is damaged, or has a format that is not known.
 * @public
 */
export async function openRecording(path: string): Promise<Recording> {
  const { totalBytes, compression } = await inspect(path);
  const head = await readHead(path, compression);
  if (head.length === 0)
    throw new TraceError({ code: 'empty', file: path, found: 'an empty file', expected: 'a recording' });
  const format = sniffFormat(head, path);
  const readFormat = READERS[format];
  return {
    path,
    compression,
    format,
    totalBytes,
    read: (sink) => readFormat(path, unpack(path, compression), totalBytes, sink),
  };
}

const READERS: Readonly<Record<RecordingFormat, typeof readLackey>> = {
  lackey: readLackey,
  mm: readScript,
  strace: readStrace,
  'perf-script': (file, source, totalBytes, sink) =>
    readTextLines(new PerfScriptImporter(file, sink), file, source, totalBytes),
};

/** Size and packing of a regular file. */
async function inspect(path: string): Promise<{ totalBytes: number; compression: Compression }> {
  try {
    // First what it is: opening a FIFO would wait for a writer.
    const status = await stat(path);
    if (!status.isFile()) {
      const found = status.isDirectory() ? 'a directory' : 'no regular file';
      throw new TraceError({ code: 'not-a-file', file: path, found, expected: 'a recording' });
    }
    const handle = await open(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
      return { totalBytes: status.size, compression: detectCompression(buffer.subarray(0, bytesRead)) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const missing = (error as { code?: unknown }).code === 'ENOENT';
    const found = missing ? 'no such file' : reason(error);
    throw new TraceError({ code: 'cannot-open', file: path, found, expected: 'a recording that can be read' });
  }
}

/** The first unpacked bytes. */
async function readHead(path: string, compression: Compression): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of unpack(path, compression).chunks) {
    parts.push(chunk.slice(0, SNIFF_SIZE - length));
    length += chunk.length;
    if (length >= SNIFF_SIZE) break;
  }
  return Buffer.concat(parts);
}
