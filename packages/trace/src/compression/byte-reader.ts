/** Takes bytes one after the other from a stream of chunks. */
import { crc32 } from 'node:zlib';

/** As many as are asked for, or an error that says that the file ends too early. */
export class ByteReader {
  /** Bytes taken so far. */
  taken = 0;
  private readonly source: AsyncIterator<Uint8Array>;
  private rest: Buffer = Buffer.alloc(0);
  private sum: number | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes, which stay. */
  async peek(count: number): Promise<Buffer> {
    while (this.rest.length < count) if (!(await this.more())) throw new Error('unexpected EOF');
    return this.rest.subarray(0, count);
  }

  async take(count: number): Promise<Buffer> {
    const bytes = this.rest.length >= count ? this.rest.subarray(0, count) : await this.peek(count);
    this.rest = this.rest.subarray(count);
    this.taken += count;
    if (this.sum !== undefined) this.sum = crc32(bytes, this.sum);
    return bytes;
  }

  /** An integer in groups of seven bits, the lowest first. */
  async number(): Promise<number> {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 56; scale *= 128) {
      const [byte] = (await this.take(1)) as unknown as [number];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error('bad index');
  }

  async atEnd(): Promise<boolean> {
    while (this.rest.length === 0) if (!(await this.more())) return true;
    return false;
  }

  /** From here on bytes count for a CRC-32, `first` before them. */
  beginSum(first: Uint8Array): void {
    this.sum = crc32(first);
  }

  endSum(): number | undefined {
    const { sum } = this;
    this.sum = undefined;
    return sum;
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async more(): Promise<boolean> {
    const next = await this.source.next();
    if (next.done === true) return false;
    this.rest = Buffer.concat([this.rest, next.value]);
    return true;
  }
}
