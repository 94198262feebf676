/**
 * XXH64, the checksum of zstd frames (RFC 8878 §3.1.1), fed in chunks. 64-bit numbers are two 32-bit halves: BigInt
 * would cost about a microsecond for every eight bytes.
 */

/** One 64-bit number as halves; `mul`, `add` and `rotl` change it in place. */
class U64 {
  lo: number;
  hi: number;

  constructor(hi: number, lo: number) {
    this.hi = hi >>> 0;
    this.lo = lo >>> 0;
  }

  add(hi: number, lo: number): this {
    const low = this.lo + lo;
    this.hi = (this.hi + hi + (low > 0xffffffff ? 1 : 0)) >>> 0;
    this.lo = low >>> 0;
    return this;
  }

  mul(hi: number, lo: number): this {
    const a = this.lo & 0xffff;
    const b = this.lo >>> 16;
    const c = lo & 0xffff;
    const d = lo >>> 16;
    const low = a * c;
    const cross = b * c + (low >>> 16);
    const middle = (cross & 0xffff) + a * d;
    const high = b * d + Math.floor(cross / 0x10000) + Math.floor(middle / 0x10000);
    this.hi = (high + Math.imul(this.hi, lo) + Math.imul(this.lo, hi)) >>> 0;
    this.lo = (((middle & 0xffff) << 16) | (low & 0xffff)) >>> 0;
    return this;
  }

  rotl(bits: number): this {
    const { hi, lo } = this;
    if (bits < 32) {
      this.hi = ((hi << bits) | (lo >>> (32 - bits))) >>> 0;
      this.lo = ((lo << bits) | (hi >>> (32 - bits))) >>> 0;
    } else {
      const n = bits - 32;
      this.hi = n === 0 ? lo : ((lo << n) | (hi >>> (32 - n))) >>> 0;
      this.lo = n === 0 ? hi : ((hi << n) | (lo >>> (32 - n))) >>> 0;
    }
    return this;
  }

  xor(hi: number, lo: number): this {
    this.hi = (this.hi ^ hi) >>> 0;
    this.lo = (this.lo ^ lo) >>> 0;
    return this;
  }

  /** `x ^= x >> bits`, for 29 to 33 bits. */
  xorShift(bits: number): this {
    const { hi, lo } = this;
    if (bits === 32) return this.xor(0, hi);
    if (bits > 32) return this.xor(0, hi >>> (bits - 32));
    return this.xor(hi >>> bits, ((lo >>> bits) | (hi << (32 - bits))) >>> 0);
  }
}

const P1 = [0x9e3779b1, 0x85ebca87] as const;
const P2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const P3 = [0x165667b1, 0x9e3779f9] as const;
const P4 = [0x85ebca77, 0xc2b2ae63] as const;
const P5 = [0x27d4eb2f, 0x165667c5] as const;

/** Bytes that the four lanes take together. */
const STRIPE = 32;

/** The hash of everything passed to `update` since the last `reset`; seed 0. */
export class Xxh64 {
  private readonly lanes: readonly [U64, U64, U64, U64] = [new U64(0, 0), new U64(0, 0), new U64(0, 0), new U64(0, 0)];
  private readonly rest: Uint8Array = new Uint8Array(STRIPE);
  private readonly scratch: U64 = new U64(0, 0);
  private restLength = 0;
  private total = 0;

  constructor() {
    this.reset();
  }

  /** Forgets everything. */
  reset(): void {
    const [a, b, c, d] = this.lanes;
    Object.assign(a, new U64(...P1).add(...P2));
    Object.assign(b, new U64(...P2));
    Object.assign(c, new U64(0, 0));
    // 0 - P1
    Object.assign(d, new U64(~P1[0], ~P1[1]).add(0, 1));
    this.restLength = 0;
    this.total = 0;
  }

  /** Takes more bytes in. */
  update(bytes: Uint8Array): void {
    this.total += bytes.length;
    let at = 0;
    if (this.restLength > 0) {
      at = Math.min(STRIPE - this.restLength, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.restLength);
      this.restLength += at;
      if (this.restLength < STRIPE) return;
      this.stripe(this.rest, 0);
      this.restLength = 0;
    }
    for (; at + STRIPE <= bytes.length; at += STRIPE) this.stripe(bytes, at);
    this.rest.set(bytes.subarray(at));
    this.restLength = bytes.length - at;
  }

  /** The low 32 bits of the hash: what a zstd frame stores. */
  low32(): number {
    const hash = this.merge();
    hash.add(Math.floor(this.total / 2 ** 32), this.total >>> 0);
    const { rest } = this;
    let at = 0;
    for (; at + 8 <= this.restLength; at += 8) {
      const lane = new U64(word(rest, at + 4), word(rest, at))
        .mul(...P2)
        .rotl(31)
        .mul(...P1);
      hash
        .xor(lane.hi, lane.lo)
        .rotl(27)
        .mul(...P1)
        .add(...P4);
    }
    if (at + 4 <= this.restLength) {
      const lane = new U64(0, word(rest, at)).mul(...P1);
      hash
        .xor(lane.hi, lane.lo)
        .rotl(23)
        .mul(...P2)
        .add(...P3);
      at += 4;
    }
    for (; at < this.restLength; at++) {
      const lane = new U64(0, rest[at] as number).mul(...P5);
      hash
        .xor(lane.hi, lane.lo)
        .rotl(11)
        .mul(...P1);
    }
    return hash
      .xorShift(33)
      .mul(...P2)
      .xorShift(29)
      .mul(...P3)
      .xorShift(32).lo;
  }

  private stripe(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) round(this.lanes[i] as U64, this.scratch, bytes, at + 8 * i);
  }

  private merge(): U64 {
    if (this.total < STRIPE) return new U64(...P5);
    const [a, b, c, d] = this.lanes.map((lane) => new U64(lane.hi, lane.lo)) as [U64, U64, U64, U64];
    const hash = new U64(a.hi, a.lo).rotl(1);
    for (const [lane, bits] of [
      [b, 7],
      [c, 12],
      [d, 18],
    ] as const) {
      const turned = new U64(lane.hi, lane.lo).rotl(bits);
      hash.add(turned.hi, turned.lo);
    }
    for (const lane of [a, b, c, d]) {
      lane
        .mul(...P2)
        .rotl(31)
        .mul(...P1);
      hash
        .xor(lane.hi, lane.lo)
        .mul(...P1)
        .add(...P4);
    }
    return hash;
  }
}

function round(lane: U64, scratch: U64, bytes: Uint8Array, at: number): void {
  scratch.hi = word(bytes, at + 4);
  scratch.lo = word(bytes, at);
  scratch.mul(P2[0], P2[1]);
  lane.add(scratch.hi, scratch.lo).rotl(31).mul(P1[0], P1[1]);
}

/** Four bytes, little-endian. */
function word(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 3] as number) * 0x1000000;
  return high + (((bytes[at + 2] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at] as number));
}
