/**
 * zstd, by `fzstd`: pure JavaScript, on every Node. `node:zlib` has zstd only from 22.15 on, and takes a frame that ends
 * too early for a whole one. fzstd does not look at checksums, so they are checked here; for that, the walk over
 * blocks (RFC 8878 §3.1.1) finds where each frame ends.
 */
import { Decompress } from 'fzstd';
import { Xxh64 } from './xxh64.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

/** What the walk reads next. */
type Step = 'magic' | 'descriptor' | 'header' | 'block' | 'body' | 'checksum' | 'skip-size' | 'skip';

/** Follows frames and blocks of a zstd file without unpacking them, and collects the checksum of each frame. */
class FrameWalk {
  private step: Step = 'magic';
  /** Bytes that `step` still needs. */
  private need = 4;
  private value = 0;
  private scale = 1;
  private lastBlock = false;
  private hasChecksum = false;
  /** True where a file may end. */
  get atEnd(): boolean {
    return this.step === 'magic' && this.need === 4;
  }

  /** Takes bytes in until a frame ends; answers how many, and the frame's checksum if it ended with one. */
  advance(
    bytes: Uint8Array,
    from: number,
  ): { readonly to: number; readonly ended: boolean; readonly checksum?: number } {
    let at = from;
    while (at < bytes.length) {
      if (this.step === 'body' || this.step === 'skip' || this.step === 'header') {
        const taken = Math.min(this.need, bytes.length - at);
        at += taken;
        this.need -= taken;
      } else {
        this.value += (bytes[at++] as number) * this.scale;
        this.scale *= 256;
        this.need--;
      }
      if (this.need > 0) continue;
      const { step, value } = this;
      this.value = 0;
      this.scale = 1;
      if (this.finish(step, value)) return { to: at, ended: true, ...(step === 'checksum' ? { checksum: value } : {}) };
    }
    return { to: at, ended: false };
  }

  /** A step is complete; true when a frame is. */
  private finish(step: Step, value: number): boolean {
    if (step === 'magic') {
      if (value === MAGIC) return this.go('descriptor', 1);
      if (value - (value % 16) === SKIPPABLE_MAGIC) return this.go('skip-size', 4);
      throw new Error('not a zstd frame');
    }
    if (step === 'descriptor') {
      this.hasChecksum = (value & 4) !== 0;
      const single = (value & 0x20) !== 0;
      const contentSize = [single ? 1 : 0, 2, 4, 8][value >> 6] as number;
      const dictionary = [0, 1, 2, 4][value & 3] as number;
      const header = contentSize + dictionary + (single ? 0 : 1);
      return header > 0 ? this.go('header', header) : this.go('block', 3);
    }
    if (step === 'block') {
      this.lastBlock = (value & 1) !== 0;
      const type = (value >> 1) & 3;
      if (type === 3) throw new Error('reserved block type');
      const size = type === 1 ? 1 : value >> 3;
      return size > 0 ? this.go('body', size) : this.endOfBlock();
    }
    if (step === 'body') return this.endOfBlock();
    if (step === 'skip-size' && value > 0) return this.go('skip', value);
    if (step === 'header') return this.go('block', 3);
    this.go('magic', 4);
    return true;
  }

  private endOfBlock(): boolean {
    if (!this.lastBlock) return this.go('block', 3);
    if (this.hasChecksum) return this.go('checksum', 4);
    this.go('magic', 4);
    return true;
  }

  private go(step: Step, need: number): boolean {
    this.step = step;
    this.need = need;
    return false;
  }
}

/** Unpacks one or more frames behind each other. */
export async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const walk = new FrameWalk();
  const hash = new Xxh64();
  let output: Uint8Array[] = [];
  const decoder = (): Decompress =>
    new Decompress((chunk) => {
      hash.update(chunk);
      output.push(chunk);
    });
  let frame = decoder();
  for await (const bytes of packed) {
    for (let at = 0; at < bytes.length;) {
      const { to, ended, checksum } = walk.advance(bytes, at);
      // A copy: fzstd keeps what it is given.
      frame.push(bytes.slice(at, to), ended);
      at = to;
      if (ended) {
        if (checksum !== undefined && checksum !== hash.low32()) throw new Error('wrong checksum');
        hash.reset();
        frame = decoder();
      }
    }
    yield* output;
    output = [];
  }
  if (!walk.atEnd) throw new Error('unexpected EOF');
}
