import { FrameReader, MAX_FRAME, frame } from './frame.ts';

/** Pieces of a stream, of sizes that a seed decides. */
function pieces(stream: Buffer, seed: number): Buffer[] {
  const cut: Buffer[] = [];
  let state = seed;
  for (let at = 0; at < stream.length;) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const size = 1 + ((state >>> 16) % [1, 3, 17, 200][seed % 4]!);
    cut.push(stream.subarray(at, at + size));
    at += size;
  }
  return cut;
}

describe('a reader of frames', () => {
  it('finds the same frames whatever the pieces are', () => {
    const frames = [1, 2, 40, 255, 3, 1, 120].map((size, i) => frame(i, Buffer.alloc(size, i)));
    for (let seed = 0; seed < 100; seed++) {
      const seen: Buffer[] = [];
      const reader = new FrameReader(
        (bytes) => void seen.push(bytes),
        () => undefined,
      );
      reader.limit = 300;
      for (const piece of pieces(Buffer.concat(frames), seed)) reader.push(piece);
      expect({ seed, seen }).toEqual({ seed, seen: frames.map((bytes) => bytes.subarray(4)) });
      expect(reader.inside).toBe(false);
    }
  });

  it('keeps what comes while it is held, and goes on where it was', () => {
    const seen: number[] = [];
    const reader = new FrameReader(
      (bytes) => {
        seen.push(bytes[0] as number);
        reader.hold();
      },
      () => undefined,
    );
    const stream = Buffer.concat([1, 2, 3].map((type) => frame(type, Buffer.alloc(9))));
    reader.push(stream.subarray(0, 30));
    expect(seen).toEqual([1]);
    reader.push(stream.subarray(30));
    reader.release();
    expect(seen).toEqual([1, 2]);
    reader.release();
    expect(seen).toEqual([1, 2, 3]);
    reader.release();
    expect([seen.length, reader.inside]).toEqual([3, false]);
  });

  it('stops at a frame that is too long, before a byte of it is kept', () => {
    const bad: string[] = [];
    const reader = new FrameReader(
      () => bad.push('frame'),
      (kind) => bad.push(kind),
    );
    const head = Buffer.alloc(4);
    head.writeUInt32BE(MAX_FRAME + 1);
    reader.limit = MAX_FRAME;
    reader.push(head);
    reader.push(Buffer.alloc(1000));
    expect(bad).toEqual(['oversize']);
  });
});
