/**
 * LZMA2, the filter of xz files that hold text. What is unpacked lies in the dictionary, and pieces of the dictionary are
 * handed out: nothing is copied, and no memory is new to the host but the dictionary itself.
 *
 * A chunk of LZMA2 says how long it is, packed and unpacked (at most 64 KiB and 2 MiB), so that each one is decoded from
 * bytes that are all there.
 */
import type { ByteReader } from './byte-reader.ts';
import { RangeDecoder } from './range-decoder.ts';

/** Where probabilities of each kind begin in the one table that holds them all. */
const IS_MATCH = 0;
const IS_REP = 192;
const IS_REP0 = 204;
const IS_REP1 = 216;
const IS_REP2 = 228;
const IS_REP0_LONG = 240;
const SLOTS = 432;
const SPECIAL = 688;
const ALIGN = 816;
const MATCH_LENGTH = 832;
const REP_LENGTH = 1346;
const LITERALS = 1860;
const LITERAL_CODER = 0x300;
/** Inside of a length coder. */
const LENGTH_MID = 2 + 16 * 8;
const LENGTH_HIGH = LENGTH_MID + 16 * 8;
/** What a chunk unpacks to at most: handed out whole where the ring does not break it, so that damage is found first. */
const PIECE = 2 * 1024 * 1024;

/** The state behind a literal; states from 7 on are behind a match or a repeat. */
const AFTER_LITERAL = Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5);

/** A dictionary that nobody uses: its memory is not new, and the next file begins sooner. */
let spare: Uint8Array = new Uint8Array(0);

/** Decodes the chunks of one block. */
export class Lzma2Decoder {
  /** A ring, at least as many bytes as matches may reach back; a multiple of 16, so that `at` tells alignment. */
  private readonly dictionary: Uint8Array;
  private readonly words: DataView;
  private readonly reach: number;
  private readonly bits: RangeDecoder = new RangeDecoder(LITERALS + LITERAL_CODER * 16);
  /** Where the next byte goes. */
  private at = 0;
  /** Bytes that matches may reach. */
  private full = 0;
  private state = 0;
  /** The last four distances, less one. */
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  private literalContext = 0;
  private literalMask = 0;
  private positionMask = 0;
  /** What is left of a match that a piece's end broke. */
  private pending = 0;

  constructor(dictionarySize: number) {
    this.dictionary = spare.length >= dictionarySize ? spare : new Uint8Array(dictionarySize);
    this.words = new DataView(this.dictionary.buffer);
    this.reach = dictionarySize;
    spare = new Uint8Array(0);
  }

  /** Nobody reads the pieces any more. */
  close(): void {
    spare = this.dictionary;
  }

  /** Everything up to the mark behind the last chunk. A piece is good until the next one is asked for. */
  async *unpack(reader: ByteReader): AsyncGenerator<Uint8Array, void, void> {
    // Chunks below this would use what has not been set: a dictionary, then properties, then a state.
    let least = 0xe0;
    for (;;) {
      const [control] = (await reader.take(1)) as unknown as [number];
      if (control === 0) return;
      if (control < 0x80) {
        if (control > 2 || (control === 2 && least === 0xe0)) throw new Error('bad LZMA2 chunk');
        if (control === 1) this.resetDictionary();
        if (least === 0xe0) least = 0xc0;
        yield* this.store(await reader.take((await reader.take(2)).readUInt16BE(0) + 1));
        continue;
      }
      if (control < least) throw new Error('bad LZMA2 chunk');
      const sizes = await reader.take(4);
      const size = ((control & 0x1f) << 16) + sizes.readUInt16BE(0) + 1;
      if (control >= 0xe0) this.resetDictionary();
      if (control >= 0xc0) this.setProperties((await reader.take(1))[0] as number);
      if (control >= 0xa0) this.resetState();
      least = 0x80;
      yield* this.decode(await reader.take(sizes.readUInt16BE(2) + 1), size);
    }
  }

  private resetDictionary(): void {
    this.at = 0;
    this.full = 0;
  }

  private setProperties(value: number): void {
    const rest = Math.floor(value / 9);
    this.literalContext = value % 9;
    this.literalMask = (1 << (rest % 5)) - 1;
    this.positionMask = (1 << Math.floor(rest / 5)) - 1;
    if (value >= 9 * 5 * 5 || this.literalContext + (rest % 5) > 4) throw new Error('bad LZMA properties');
  }

  private resetState(): void {
    this.state = 0;
    this.rep0 = this.rep1 = this.rep2 = this.rep3 = 0;
    this.bits.reset();
  }

  /** Bytes that stand as they are. */
  private *store(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    for (let from = 0; from < bytes.length;) {
      const start = this.at;
      const count = Math.min(bytes.length - from, this.dictionary.length - start);
      this.dictionary.set(bytes.subarray(from, from + count), start);
      this.advance(count);
      from += count;
      yield this.piece(start);
    }
  }

  /** A chunk of `size` unpacked bytes. */
  private *decode(bytes: Uint8Array, size: number): Generator<Uint8Array, void, void> {
    this.bits.begin(bytes);
    for (let left = size; left > 0;) {
      const start = this.at;
      this.run(Math.min(start + Math.min(left, PIECE), this.dictionary.length));
      left -= this.at - start;
      if (this.bits.beyondEnd || (left === 0 && (!this.bits.atEnd || this.pending > 0))) {
        throw new Error('bad LZMA data');
      }
      yield this.piece(start);
    }
  }

  private piece(start: number): Uint8Array {
    const piece = this.dictionary.subarray(start, this.at);
    if (this.at === this.dictionary.length) this.at = 0;
    return piece;
  }

  private advance(count: number): void {
    this.at += count;
    this.full = Math.min(this.reach, this.full + count);
  }

  /** Decodes until `at` is `limit`. */
  private run(limit: number): void {
    const { bits } = this;
    if (this.pending > 0) this.copy(limit);
    while (this.at < limit) {
      const aligned = this.at & this.positionMask;
      if (bits.bit(IS_MATCH + (this.state << 4) + aligned) === 0) {
        this.literal();
        continue;
      }
      if (bits.bit(IS_REP + this.state) === 0) this.match(aligned);
      else this.repeat(aligned);
      this.copy(limit);
    }
  }

  private literal(): void {
    const { dictionary, bits, at, state } = this;
    const previous = this.full === 0 ? 0 : (dictionary[(at === 0 ? dictionary.length : at) - 1] as number);
    const context = ((at & this.literalMask) << this.literalContext) + (previous >> (8 - this.literalContext));
    const base = LITERALS + LITERAL_CODER * context;
    let symbol = 1;
    if (state >= 7) {
      // Behind a match the byte that would have come next tells more, as long as it is right.
      const from = at - this.rep0 - 1;
      let matched = dictionary[from < 0 ? from + dictionary.length : from] as number;
      let expected: number;
      do {
        expected = (matched >> 7) & 1;
        matched <<= 1;
        symbol = (symbol << 1) | bits.bit(base + ((1 + expected) << 8) + symbol);
      } while (symbol < 256 && (symbol & 1) === expected);
    }
    if (symbol < 256) symbol = bits.symbol(base, symbol, 256);
    dictionary[at] = symbol;
    this.advance(1);
    this.state = AFTER_LITERAL[state] as number;
  }

  /** A length and a new distance. */
  private match(aligned: number): void {
    const { bits } = this;
    this.rep3 = this.rep2;
    this.rep2 = this.rep1;
    this.rep1 = this.rep0;
    this.state = this.state < 7 ? 7 : 10;
    this.pending = this.length(MATCH_LENGTH, aligned);
    const slot = bits.symbol(SLOTS + (Math.min(this.pending - 2, 3) << 6), 1, 64) - 64;
    const count = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) << count;
    if (slot < 4) this.rep0 = slot;
    else if (slot < 14) this.rep0 = high + bits.reversed(SPECIAL + high - slot, count);
    else this.rep0 = high + (bits.direct(count - 4) << 4) + bits.reversed(ALIGN, 4);
  }

  /** A length, or one byte, and a distance from before. */
  private repeat(aligned: number): void {
    const { bits, state } = this;
    if (bits.bit(IS_REP0 + state) === 0) {
      if (bits.bit(IS_REP0_LONG + (state << 4) + aligned) === 0) {
        this.state = state < 7 ? 9 : 11;
        this.pending = 1;
        return;
      }
    } else {
      let distance = this.rep1;
      if (bits.bit(IS_REP1 + state) === 1) {
        distance = this.rep2;
        if (bits.bit(IS_REP2 + state) === 1) {
          distance = this.rep3;
          this.rep3 = this.rep2;
        }
        this.rep2 = this.rep1;
      }
      this.rep1 = this.rep0;
      this.rep0 = distance;
    }
    this.state = state < 7 ? 8 : 11;
    this.pending = this.length(REP_LENGTH, aligned);
  }

  private length(base: number, aligned: number): number {
    const { bits } = this;
    if (bits.bit(base) === 0) return 2 - 8 + bits.symbol(base + 2 + aligned * 8, 1, 8);
    if (bits.bit(base + 1) === 0) return 10 - 8 + bits.symbol(base + LENGTH_MID + aligned * 8, 1, 8);
    return 18 - 256 + bits.symbol(base + LENGTH_HIGH, 1, 256);
  }

  /** As much of the match as goes before `limit`: `copyWithin` costs more than most matches do. */
  private copy(limit: number): void {
    const { dictionary, words } = this;
    const ring = dictionary.length;
    const distance = this.rep0 + 1;
    if (distance <= 0 || distance > this.full) throw new Error('bad LZMA data');
    let to = this.at;
    let from = to < distance ? to - distance + ring : to - distance;
    const count = Math.min(this.pending, limit - to);
    const end = to + count;
    if (distance >= 4 && from + count <= ring) {
      for (const last = end - 4; to <= last; to += 4, from += 4) words.setInt32(to, words.getInt32(from, true), true);
    }
    for (; to < end; to++) {
      dictionary[to] = dictionary[from++] as number;
      if (from === ring) from = 0;
    }
    this.pending -= count;
    this.advance(count);
  }
}
