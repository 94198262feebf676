/** CRC-64 of xz (ECMA-182, reflected), eight bytes at a time, in halves that are small integers. */
const POLYNOMIAL_LOW = 0xd7870f42 | 0;
const POLYNOMIAL_HIGH = 0xc96c5795 | 0;

/** Eight tables of 256 behind each other: what a byte does to the sum that is followed by 0 to 7 more. */
const LOW: Int32Array = new Int32Array(8 * 256);
const HIGH: Int32Array = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd === 1) {
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
  }
  LOW[byte] = low;
  HIGH[byte] = high;
}
for (let i = 256; i < 8 * 256; i++) {
  const low = LOW[i - 256] as number;
  const high = HIGH[i - 256] as number;
  const first = low & 0xff;
  LOW[i] = (LOW[first] as number) ^ ((low >>> 8) | (high << 24));
  HIGH[i] = (HIGH[first] as number) ^ (high >>> 8);
}

/** A sum that grows. */
export class Crc64 {
  private low = -1;
  private high = -1;

  update(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let { low, high } = this;
    let at = 0;
    for (const last = bytes.length - 8; at <= last; at += 8) {
      const a = low ^ view.getInt32(at, true);
      const b = high ^ view.getInt32(at + 4, true);
      const [i0, i1, i2, i3] = [
        1792 + (a & 0xff),
        1536 + ((a >>> 8) & 0xff),
        1280 + ((a >>> 16) & 0xff),
        1024 + (a >>> 24),
      ];
      const [i4, i5, i6, i7] = [768 + (b & 0xff), 512 + ((b >>> 8) & 0xff), 256 + ((b >>> 16) & 0xff), b >>> 24];
      low = sumOf(LOW, i0, i1, i2, i3) ^ sumOf(LOW, i4, i5, i6, i7);
      high = sumOf(HIGH, i0, i1, i2, i3) ^ sumOf(HIGH, i4, i5, i6, i7);
    }
    for (; at < bytes.length; at++) {
      const index = (low ^ (bytes[at] as number)) & 0xff;
      low = (LOW[index] as number) ^ ((low >>> 8) | (high << 24));
      high = (HIGH[index] as number) ^ (high >>> 8);
    }
    this.low = low;
    this.high = high;
  }

  /** As it stands in a file: eight bytes, the lowest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(~this.low, 0);
    bytes.writeInt32LE(~this.high, 4);
    return bytes;
  }
}

function sumOf(table: Int32Array, a: number, b: number, c: number, d: number): number {
  return (table[a] as number) ^ (table[b] as number) ^ (table[c] as number) ^ (table[d] as number);
}
