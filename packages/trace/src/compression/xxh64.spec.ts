import fc from 'fast-check';
import { Xxh64 } from './xxh64.ts';

const MASK = 2n ** 64n - 1n;
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
];
const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & MASK;

/** XXH64 with seed 0 as its specification writes it, with bigints. */
function reference(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const round = (acc: bigint, lane: bigint): bigint => (rotl((acc + lane * P2) & MASK, 31n) * P1) & MASK;
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i] as bigint, view.getBigUint64(at + 8 * i, true));
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint];
    hash = (rotl(a, 1n) + rotl(b, 7n) + rotl(c, 12n) + rotl(d, 18n)) & MASK;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotl(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  for (; at + 4 <= bytes.length; at += 4)
    hash = (rotl(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
  for (; at < bytes.length; at++) hash = (rotl(hash ^ ((BigInt(bytes[at] as number) * P5) & MASK), 11n) * P1) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

describe('XXH64', () => {
  it('has the published value for nothing', () => {
    expect(reference(new Uint8Array(0))).toBe(0xef46db3751d8e999n);
    expect(new Xxh64().low32()).toBe(0x51d8e999);
  });

  it('agrees with its specification, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }), (parts) => {
        const hash = new Xxh64();
        for (const part of parts) hash.update(part);
        expect(hash.low32()).toBe(Number(reference(new Uint8Array(Buffer.concat(parts))) & 0xffffffffn));
        hash.reset();
        expect(hash.low32()).toBe(0x51d8e999);
      }),
      { numRuns: 1000 },
    );
  });
});
