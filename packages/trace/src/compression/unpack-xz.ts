/**
 * xz files (the .xz file format 1.2.1): streams of blocks, each with its checksum, and an index of the blocks behind
 * them. The one filter is LZMA2; those of executables do not occur in text.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import { Crc64 } from './crc64.ts';
import { Lzma2Decoder } from './lzma2.ts';

const HEADER_SIZE = 12;
const FOOTER_SIZE = 12;
const LZMA2 = 0x21;
/** Largest dictionary that is worth having: that of `xz -9` is 64 MiB. */
const MAX_DICTIONARY = 1536 * 1024 * 1024;

/** The checksum of a block. */
interface Check {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** Sizes of a block as the index lists them. */
interface BlockSizes {
  readonly unpadded: number;
  readonly unpacked: number;
}

/** Unpacks one or more xz streams behind each other. A piece is good until the next one is asked for. */
export async function* unpackXz(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(packed);
  try {
    do yield* unpackStream(reader);
    while (await nextStream(reader));
  } finally {
    await reader.close();
  }
}

async function* unpackStream(reader: ByteReader): AsyncGenerator<Uint8Array, void, void> {
  const header = await reader.take(HEADER_SIZE);
  if (header.toString('latin1', 0, 6) !== '\xfd7zXZ\0' || header[6] !== 0) throw new Error('bad stream header');
  expectCrc32(header.subarray(6, 8), header.readUInt32LE(8), 'stream header');
  const flags = header.toString('latin1', 6, 8);
  const blocks: BlockSizes[] = [];
  for (;;) {
    const start = reader.taken;
    const [size] = await reader.take(1);
    if (size === 0) return readIndex(reader, start, blocks, flags);
    blocks.push(yield* unpackBlock(reader, start, ((size as number) + 1) * 4, flags.charCodeAt(1)));
  }
}

/** Padding between streams is zeros, four by four; answers whether another stream follows. */
async function nextStream(reader: ByteReader): Promise<boolean> {
  for (;;) {
    if (await reader.atEnd()) return false;
    const next = await reader.peek(4);
    if (next.readUInt32LE(0) !== 0) return true;
    await reader.take(4);
  }
}

async function* unpackBlock(
  reader: ByteReader,
  start: number,
  headerSize: number,
  checkType: number,
): AsyncGenerator<Uint8Array, BlockSizes, void> {
  const header = Buffer.concat([Buffer.of(headerSize / 4 - 1), await reader.take(headerSize - 1)]);
  expectCrc32(header.subarray(0, -4), header.readUInt32LE(headerSize - 4), 'block header');
  const check = checkOf(checkType);
  const decoder = new Lzma2Decoder(dictionarySize(header));
  let unpacked = 0;
  try {
    for await (const piece of decoder.unpack(reader)) {
      unpacked += piece.length;
      check?.update(piece);
      yield piece;
    }
  } finally {
    decoder.close();
  }
  const unpaddedBody = reader.taken - start;
  await padding(reader, start);
  const found = check?.digest() ?? new Uint8Array(0);
  if (Buffer.compare(await reader.take(found.length), found) !== 0) throw new Error('wrong checksum');
  return { unpadded: unpaddedBody + found.length, unpacked };
}

function checkOf(type: number): Check | undefined {
  if (type === 0) return undefined;
  if (type === 4) return new Crc64();
  if (type === 10) return createHash('sha256') as unknown as Check;
  if (type !== 1) throw new Error(`checksum of kind ${type}`);
  let sum = 0;
  return {
    update: (bytes) => void (sum = crc32(bytes, sum)),
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(sum);
      return bytes;
    },
  };
}

/** What the only filter says; sizes that may stand before it are checked with the index. */
function dictionarySize(header: Buffer): number {
  const flags = header[1] as number;
  if ((flags & 0x3f) !== 0) throw new Error('a filter other than LZMA2');
  let at = 2;
  for (let sizes = ((flags >> 6) & 1) + (flags >> 7); sizes > 0; sizes--) {
    while ((header[at++] as number) >= 0x80);
  }
  const bits = header[at + 2] as number;
  if (header[at] !== LZMA2 || header[at + 1] !== 1) throw new Error('a filter other than LZMA2');
  const size = (2 + (bits & 1)) * 2 ** (11 + (bits >> 1));
  if (!(size <= MAX_DICTIONARY)) throw new Error(`a dictionary of ${size} bytes`);
  return size;
}

/** The index repeats the sizes of all blocks, and the footer that of the index. */
async function readIndex(
  reader: ByteReader,
  start: number,
  blocks: readonly BlockSizes[],
  flags: string,
): Promise<void> {
  reader.beginSum(Buffer.of(0));
  let same = (await reader.number()) === blocks.length;
  for (const { unpadded, unpacked } of same ? blocks : []) {
    same = (await reader.number()) === unpadded && same;
    same = (await reader.number()) === unpacked && same;
  }
  await padding(reader, start);
  const sum = reader.endSum();
  if (!same || (await reader.take(4)).readUInt32LE(0) !== sum) throw new Error('bad index');
  const size = reader.taken - start;
  const footer = await reader.take(FOOTER_SIZE);
  expectCrc32(footer.subarray(4, 10), footer.readUInt32LE(0), 'stream footer');
  const fits = (footer.readUInt32LE(4) + 1) * 4 === size && footer.toString('latin1', 8) === `${flags}YZ`;
  if (!fits) throw new Error('bad stream footer');
}

/** Zeros up to the next multiple of four. */
async function padding(reader: ByteReader, start: number): Promise<void> {
  const bytes = await reader.take((4 - ((reader.taken - start) % 4)) % 4);
  if (bytes.some((byte) => byte !== 0)) throw new Error('bad padding');
}

function expectCrc32(bytes: Uint8Array, expected: number, what: string): void {
  if (crc32(bytes) !== expected) throw new Error(`bad ${what}`);
}
