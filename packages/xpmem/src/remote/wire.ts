/**
 * Messages between nodes. One header for all, so that a peer's bytes are checked in one place:
 *
 *     0 type | 1 flag | 2..3 offset | 4..7 number | 8..15 page | 16..23 pages or length | 24..31 id | 32.. body
 *
 * To the home node: GET, FAULT, LOAD, STORE, LIST (accesses one after the other, `list.ts`), RENEW, ACK. From it: REPLY,
 * RECALL. Pages, counts and ids are doubles: a segment may be a whole address space.
 */
import type { Errno } from '@mmu-notifier/plugin-api';

export const Type = { get: 1, fault: 2, load: 3, store: 4, renew: 5, ack: 6, reply: 7, recall: 8, list: 9 } as const;

const HEADER = 32;
/** A page, at most. */
const MOST_BODY = 4096;
/** Of a list and its reply. */
export const MOST_LIST = 65536;

export interface Frame {
  readonly type: number;
  /** Whether to write; of a reply: an index in `ANSWERS`. */
  readonly flag: number;
  readonly offset: number;
  /** Of the request; its reply has the same. */
  readonly number: number;
  /** Of the segment. */
  readonly page: number;
  readonly count: number;
  /** A segid; of a reply: for how long the lease was renewed, 0 where it was not. */
  readonly id: number;
  readonly body: Uint8Array;
}

/** What a reply may say. */
const ANSWERS: readonly (Errno | 'done')[] = [
  'done',
  'EAGAIN',
  'ENOENT',
  'EACCES',
  'EFAULT',
  'ENOMEM',
  'EINTR',
  'EHWPOISON',
  'EINVAL',
];

export function answerOf({ flag }: Frame): Errno | 'done' {
  return ANSWERS[flag] ?? 'EPROTO';
}

export function flagOf(answer: Errno | 'done'): number {
  const at = ANSWERS.indexOf(answer);
  return at < 0 ? ANSWERS.indexOf('EFAULT') : at;
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

const EMPTY = new Uint8Array(0);

export function encode(frame: Partial<Frame> & { readonly type: number; readonly number: number }): Uint8Array {
  const { flag = 0, offset = 0, page = 0, count = 0, id = 0, body = EMPTY } = frame;
  const message = new Uint8Array(HEADER + body.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, frame.type);
  view.setUint8(1, flag);
  view.setUint16(2, offset);
  view.setUint32(4, frame.number);
  view.setFloat64(8, page);
  view.setFloat64(16, count);
  view.setFloat64(24, id);
  message.set(body, HEADER);
  return message;
}

/** `undefined` for what is no message of this protocol. */
export function decode(message: Uint8Array): Frame | undefined {
  if (message.length < HEADER || message.length > HEADER + MOST_LIST) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const frame: Frame = {
    type: view.getUint8(0),
    flag: view.getUint8(1),
    offset: view.getUint16(2),
    number: view.getUint32(4),
    page: view.getFloat64(8),
    count: view.getFloat64(16),
    id: view.getFloat64(24),
    body: message.subarray(HEADER),
  };
  const { type, page, count, id } = frame;
  if (type < Type.get || type > Type.list || ![page, count, id].every(isCount)) return undefined;
  if (type === Type.list || type === Type.reply) return frame;
  const inPage = frame.offset + Math.max(frame.body.length, type === Type.load ? count : 0) <= MOST_BODY;
  return inPage ? frame : undefined;
}
