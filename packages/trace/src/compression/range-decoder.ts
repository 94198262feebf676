/** The arithmetic decoder of LZMA: bits by their probabilities, which follow what has been seen. */

/** Probabilities are of 2048. */
const EVEN = 1024;

/** Reads one chunk of packed bytes after the other. Values of 32 bits without sign are kept as small integers. */
export class RangeDecoder {
  private readonly probabilities: Uint16Array;
  private range = 0;
  private code = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private next = 0;

  constructor(probabilities: number) {
    this.probabilities = new Uint16Array(probabilities);
  }

  /** Forgets what was seen. */
  reset(): void {
    this.probabilities.fill(EVEN);
  }

  /** A chunk begins with a zero and the first four bytes of the code. */
  begin(bytes: Uint8Array): void {
    if (bytes.length < 5 || bytes[0] !== 0) throw new Error('bad LZMA data');
    this.bytes = bytes;
    this.range = -1;
    this.code = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1);
    this.next = 5;
  }

  /** Everything has been read, and nothing that was not there. */
  get atEnd(): boolean {
    return this.next === this.bytes.length && this.code === 0;
  }

  /** Bytes were wanted that are not there. */
  get beyondEnd(): boolean {
    return this.next > this.bytes.length;
  }

  /** One bit by the probability at `index`. */
  bit(index: number): 0 | 1 {
    const { probabilities } = this;
    const probability = probabilities[index] as number;
    const bound = Math.imul(this.range >>> 11, probability);
    const isZero = this.code >>> 0 < bound >>> 0;
    if (isZero) {
      this.range = bound;
      probabilities[index] = probability + ((2048 - probability) >> 5);
    } else {
      this.range = (this.range - bound) | 0;
      this.code = (this.code - bound) | 0;
      probabilities[index] = probability - (probability >> 5);
    }
    if ((this.range & 0xff000000) === 0) this.refill();
    return isZero ? 0 : 1;
  }

  /** Bits behind `from`, each by what came before it, until the number has reached `limit`: {@link bit} in one loop. */
  symbol(base: number, from: number, limit: number): number {
    const { probabilities, bytes } = this;
    let { range, code, next } = this;
    let symbol = from;
    do {
      const index = base + symbol;
      const probability = probabilities[index] as number;
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probabilities[index] = probability + ((2048 - probability) >> 5);
        symbol <<= 1;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[index] = probability - (probability >> 5);
        symbol = (symbol << 1) | 1;
      }
      if ((range & 0xff000000) === 0) {
        range <<= 8;
        code = (code << 8) | (bytes[next++] as number);
      }
    } while (symbol < limit);
    this.range = range;
    this.code = code;
    this.next = next;
    return symbol;
  }

  /** `count` bits, the lowest first. */
  reversed(base: number, count: number): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < count; i++) {
      const bit = this.bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** `count` bits that are as likely 0 as 1. */
  direct(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      this.range >>>= 1;
      const bit = this.code >>> 0 < this.range ? 0 : 1;
      if (bit === 1) this.code = (this.code - this.range) | 0;
      value = (value << 1) | bit;
      if ((this.range & 0xff000000) === 0) this.refill();
    }
    return value;
  }

  private refill(): void {
    this.range <<= 8;
    this.code = (this.code << 8) | (this.bytes[this.next++] as number);
  }
}
