/** What the replay and the process of the other node say to each other beside XPMEM's own messages. */
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';

/** How the other node is started: the first message on its standard input. */
export interface PeerStart {
  /** Of all links, in hexadecimal digits. */
  readonly key: string;
  /** Where XPMEM's home node listens. */
  readonly xpmem: string;
  /** Where the replay listens. */
  readonly control: string;
  readonly leaseNs: number;
}

/** One access that the other node makes. */
export interface PeerAccess {
  readonly segid: number;
  readonly address: number;
  readonly kind: 'load' | 'store';
  readonly length: number;
  /** Of a store. */
  readonly bytes?: Uint8Array;
}

/** What became of a batch. */
export interface PeerAnswer {
  /** Those that were not made, by index. */
  readonly failed: readonly { readonly index: number; readonly reason: string }[];
  /** Over all bytes that were loaded since the start, in order. */
  readonly checksum: number;
}

export function encodeMessage(message: readonly PeerAccess[] | PeerAnswer): Uint8Array {
  return serialize(message);
}

export function decodeBatch(message: Uint8Array): readonly PeerAccess[] {
  return deserialize(message) as readonly PeerAccess[];
}

export function decodeAnswer(message: Uint8Array): PeerAnswer {
  return deserialize(message) as PeerAnswer;
}

/** A running checksum of bytes. */
export class Checksum {
  value = 0;

  add(bytes: Uint8Array): void {
    this.value = crc32(bytes, this.value);
  }
}
