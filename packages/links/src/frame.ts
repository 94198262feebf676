/**
 * Frames on the wire: a length of four bytes, big-endian, then that many bytes, of which the first is the type. The length
 * is looked at before a byte behind it is kept, and room for a frame grows with what has arrived, not with what was
 * announced.
 */

/** Longest message. */
export const MAX_MESSAGE: number = 2 ** 20;
/** Type, sequence number, MAC. */
export const SEALED_EXTRA: number = 1 + 8 + 16;
export const MAX_FRAME: number = MAX_MESSAGE + SEALED_EXTRA;
/** Nobody has proved anything yet. */
export const MAX_HANDSHAKE_FRAME: number = 256;

export const FrameType = {
  Hello: 1,
  Challenge: 2,
  Proof: 3,
  Welcome: 4,
  Refuse: 5,
  Message: 6,
  Alive: 7,
  Bye: 8,
} as const;

const FIRST_ROOM = 65536;

export function frame(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length);
  head[4] = type;
  return Buffer.concat([head, ...parts]);
}

/** Cuts a stream into frames. It stops at a frame that is too long, and while its owner wants no more. */
export class FrameReader {
  limit: number = MAX_HANDSHAKE_FRAME;
  private readonly onFrame: (frame: Buffer) => void;
  private readonly onBad: (kind: 'oversize' | 'garbage') => void;
  private readonly head: Buffer = Buffer.alloc(4);
  private headBytes = 0;
  private body: Buffer | undefined;
  private bodyBytes = 0;
  private length = 0;
  private kept: Buffer | undefined;
  private state: 'reads' | 'holds' | 'stopped' = 'reads';

  /** @param onFrame - Is handed the bytes behind the length; they are its own. */
  constructor(onFrame: (frame: Buffer) => void, onBad: (kind: 'oversize' | 'garbage') => void) {
    this.onFrame = onFrame;
    this.onBad = onBad;
  }

  /** Whether the stream would end inside a frame here. */
  get inside(): boolean {
    return this.headBytes > 0;
  }

  /** No frame is handed out until `release`. Push no more than a chunk meanwhile. */
  hold(): void {
    if (this.state === 'reads') this.state = 'holds';
  }

  release(): void {
    if (this.state !== 'holds') return;
    this.state = 'reads';
    const { kept } = this;
    this.kept = undefined;
    if (kept !== undefined) this.push(kept);
  }

  /** For good. */
  stop(): void {
    this.state = 'stopped';
    this.body = this.kept = undefined;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.state === 'reads') at += this.take(chunk.subarray(at));
    if (at < chunk.length && this.state === 'holds') {
      const rest = chunk.subarray(at);
      this.kept = this.kept === undefined ? Buffer.from(rest) : Buffer.concat([this.kept, rest]);
    }
  }

  /** @returns how many bytes of `bytes` it took. */
  private take(bytes: Buffer): number {
    if (this.headBytes < 4) {
      const taken = bytes.copy(this.head, this.headBytes, 0, 4 - this.headBytes);
      this.headBytes += taken;
      if (this.headBytes === 4) this.begin();
      return taken;
    }
    const body = this.roomFor(Math.min(this.length, this.bodyBytes + bytes.length));
    const taken = bytes.copy(body, this.bodyBytes, 0, this.length - this.bodyBytes);
    this.bodyBytes += taken;
    if (this.bodyBytes === this.length) this.end(body);
    return taken;
  }

  private begin(): void {
    this.length = this.head.readUInt32BE();
    if (this.length > 0 && this.length <= this.limit) return;
    this.stop();
    // What is no protocol of frames at all mostly looks like a very long one.
    this.onBad(this.length === 0 || this.length > 2 ** 24 ? 'garbage' : 'oversize');
  }

  private end(body: Buffer): void {
    const whole = body.subarray(0, this.length);
    this.body = undefined;
    this.headBytes = this.bodyBytes = 0;
    this.onFrame(whole);
  }

  private roomFor(bytes: number): Buffer {
    const { body } = this;
    if (body !== undefined && body.length >= bytes) return body;
    const size = Math.min(this.length, Math.max(bytes, FIRST_ROOM, 2 * (body?.length ?? 0)));
    const grown = Buffer.allocUnsafeSlow(size);
    body?.copy(grown, 0, 0, this.bodyBytes);
    return (this.body = grown);
  }
}
