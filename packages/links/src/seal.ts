/**
 * Frames of a session: each carries its number and a MAC over type, number and body, under a key that only this
 * session and this direction has. So a frame that is changed, made up, moved, repeated, or of another session is found.
 *
 *     length 4 | type 1 | number 8 | body | MAC 16
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SEALED_EXTRA } from './frame.ts';

const MAC_BYTES = 16;
const BODY_AT = 1 + 8;

export interface Opened {
  readonly type: number;
  readonly body: Buffer;
}

/** HMAC-SHA-256. */
export function hmac(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** One direction of one session, at either end. */
export class Seal {
  private readonly key: Buffer;
  private number = 0;

  constructor(key: Buffer) {
    this.key = key;
  }

  /** The next frame, length included. */
  close(type: number, body: Uint8Array): Buffer {
    const bytes = Buffer.allocUnsafe(4 + SEALED_EXTRA + body.length);
    bytes.writeUInt32BE(SEALED_EXTRA + body.length);
    bytes[4] = type;
    writeNumber(bytes, this.number++, 5);
    bytes.set(body, 4 + BODY_AT);
    const macAt = bytes.length - MAC_BYTES;
    hmac(this.key, bytes.subarray(4, macAt)).copy(bytes, macAt, 0, MAC_BYTES);
    return bytes;
  }

  /** @param bytes - A frame without its length. */
  open(bytes: Buffer): Opened | 'garbage' | 'forged' | 'replayed' {
    if (bytes.length < SEALED_EXTRA) return 'garbage';
    const macAt = bytes.length - MAC_BYTES;
    const mac = hmac(this.key, bytes.subarray(0, macAt)).subarray(0, MAC_BYTES);
    if (!timingSafeEqual(mac, bytes.subarray(macAt))) return 'forged';
    if (readNumber(bytes, 1) !== this.number) return 'replayed';
    this.number++;
    return { type: bytes[0] ?? 0, body: bytes.subarray(BODY_AT, macAt) };
  }
}

/** Up to 2^53: some centuries of messages. */
export function writeNumber(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value % 2 ** 32, at + 4);
}

export function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
