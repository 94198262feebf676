import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Compression } from '../recording.ts';
import { detectCompression } from './detect.ts';
import { unpackChunks } from './unpack.ts';

const FIXTURES = join(__dirname, '../../test/fixtures');
const fixture = (name: string): Buffer => readFileSync(join(FIXTURES, name));
const plain = fixture('hello.mm');

/** Unpacks bytes that arrive `chunkSize` at a time. */
async function unpacked(packed: Buffer, compression: Compression, chunkSize = packed.length): Promise<Buffer> {
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (let at = 0; at < packed.length; at += chunkSize) yield packed.subarray(at, at + chunkSize);
  }
  const parts: Uint8Array[] = [];
  for await (const chunk of unpackChunks('r', compression, chunks())) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

const files = { gzip: 'hello.mm.gz', xz: 'hello.mm.xz', zstd: 'hello.mm.zst' } as const;

describe('a packed file', () => {
  it('is told by its first bytes, not by its name', () => {
    expect(detectCompression(plain)).toBe('none');
    for (const [compression, name] of Object.entries(files)) expect(detectCompression(fixture(name))).toBe(compression);
    expect(detectCompression(new Uint8Array([0x5a, 0x2a, 0x4d, 0x18]))).toBe('zstd');
    expect(detectCompression(new Uint8Array(0))).toBe('none');
  });

  it.each(Object.entries(files))(
    'of %s gives the plain bytes back, in chunks of any size',
    async (compression, name) => {
      for (const chunkSize of [1, 7, 4096]) {
        expect(await unpacked(fixture(name), compression as Compression, chunkSize)).toEqual(plain);
      }
    },
  );

  it.each(Object.entries(files))('of %s may be several behind each other', async (compression, name) => {
    const twice = Buffer.concat([fixture(name), fixture(name)]);
    expect(await unpacked(twice, compression as Compression)).toEqual(Buffer.concat([plain, plain]));
  });

  it.each(Object.entries(files))(
    'of %s that ends too early is refused, wherever it ends',
    async (compression, name) => {
      const packed = fixture(name);
      for (let length = 7; length < packed.length; length++) {
        const cut = unpacked(packed.subarray(0, length), compression as Compression);
        await expect(cut).rejects.toMatchObject({ name: 'TraceError', message: expect.stringMatching(/^r: found /) });
      }
      await expect(unpacked(packed.subarray(0, packed.length - 9), compression as Compression)).rejects.toMatchObject({
        code: 'truncated',
      });
    },
  );

  it.each(Object.entries(files))('of %s with a flipped bit is refused or whole', async (compression, name) => {
    const packed = fixture(name);
    let refused = 0;
    for (let at = 10; at < packed.length; at++) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      try {
        // A bit of the header that means nothing may change; the bytes may not.
        expect(await unpacked(damaged, compression as Compression)).toEqual(plain);
      } catch (error) {
        expect(error).toHaveProperty('name', 'TraceError');
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(packed.length * 0.8);
  });

  it('of zstd may come without a checksum, and with frames to skip', async () => {
    expect(await unpacked(fixture('unchecked.mm.zst'), 'zstd')).toEqual(plain);
    const skip = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(await unpacked(Buffer.concat([skip, fixture('hello.mm.zst'), skip]), 'zstd', 5)).toEqual(plain);
  });

  it('of zstd with something else behind it is refused', async () => {
    const packed = Buffer.concat([fixture('hello.mm.zst'), Buffer.from('hello there')]);
    await expect(unpacked(packed, 'zstd')).rejects.toMatchObject({ code: 'corrupt' });
  });
});
