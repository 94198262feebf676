/**
 * The other node's side: what it was granted by one home node, and how it asks. A request has a number, is sent again until
 * it is answered, and has its effect once.
 *
 * A translation is used while the lease runs. It goes with a recall, with the end of the lease, and with the link. A fault
 * that a recall overtakes is asked anew, for its answer may be older than the recall.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { Errno, Link, Mutex, Routine, WaitQueue } from '@mmu-notifier/plugin-api';
import type { XpmemShared } from '../shared.ts';
import { Type, answerOf, decode, encode } from './wire.ts';
import type { Frame } from './wire.ts';

/** How often a request is sent, and how often an access begins anew. */
const TRIES = 40;

interface Pending {
  readonly frame: Partial<Frame> & { readonly type: number };
  readonly sentAt: number;
  /** A recall or the end of a lease came meanwhile. */
  raced: boolean;
  answer: Frame | Errno | undefined;
}

interface RecallDue {
  readonly number: number;
  readonly id: number;
  readonly page: number;
  readonly count: number;
}

export class AwayNode {
  readonly endpoint: string;
  /** By segid, then page: whether it may be written. */
  readonly translations: Map<number, Map<number, boolean>> = new Map();
  /** Nothing is used from then on. */
  leaseUntil = 0;
  private readonly shared: XpmemShared;
  private readonly connecting: Mutex;
  private readonly answers: WaitQueue;
  private link: Link | undefined;
  private lastNumber = 0;
  private readonly pending = new Map<number, Pending>();
  /** Recalls whose pages are being accessed. */
  private due: RecallDue[] = [];
  /** Segments that the home node of this session knows us to use. */
  private readonly granted = new Map<number, 'ro' | 'rw'>();

  constructor(shared: XpmemShared, endpoint: string) {
    this.shared = shared;
    this.endpoint = endpoint;
    this.connecting = shared.host.sync.mutex('xpmem connecting');
    this.answers = shared.host.sync.waitQueue(`xpmem answers at ${endpoint}`);
  }

  /** Whether the page may be used now. */
  usable(segid: number, page: number): boolean {
    return this.shared.host.tasks.now() < this.leaseUntil && this.translations.get(segid)?.has(page) === true;
  }

  /** `xpmem_get` of a segment of that node. @sleeps May. */
  *get(segid: number, mode: 'ro' | 'rw'): Routine<Errno | undefined> {
    const reply = yield* this.request({ type: Type.get, flag: mode === 'rw' ? 1 : 0, id: segid });
    if (typeof reply === 'string') return reply;
    const answer = answerOf(reply);
    if (answer !== 'done') return answer;
    if (this.granted.get(segid) !== 'rw') this.granted.set(segid, mode);
    return undefined;
  }

  /** Bytes of one page of a segment. @sleeps May. */
  *access(
    { segid, mode }: { readonly segid: number; readonly mode: 'ro' | 'rw' },
    kind: 'load' | 'store',
    address: number,
    data: Uint8Array,
  ): Routine<Errno | undefined> {
    const page = Math.floor(address / PAGE_SIZE);
    const offset = address % PAGE_SIZE;
    const write = kind === 'store';
    for (let tries = 0; tries < TRIES; tries++) {
      if (this.link === undefined || !this.granted.has(segid)) {
        const error = yield* this.get(segid, mode);
        if (error !== undefined) return error;
      }
      const held = this.held(segid, page);
      if (held === undefined || (write && !held)) {
        const error = yield* this.fault(segid, page, write);
        if (error !== undefined && error !== 'EAGAIN') return error;
        continue;
      }
      const more = write ? { type: Type.store, body: data } : { type: Type.load, count: data.length };
      const reply = yield* this.request({ ...more, id: segid, page, offset });
      if (typeof reply === 'string') return reply;
      const answer = answerOf(reply);
      if (answer === 'done') {
        if (!write) data.set(reply.body.subarray(0, data.length));
        return undefined;
      }
      if (answer !== 'EAGAIN') return answer;
      this.translations.get(segid)?.delete(page);
    }
    return 'ETIMEDOUT';
  }

  /** Nothing is used any more, and then the peer hears of it. @sleeps Never. */
  close(): void {
    this.translations.clear();
    this.link?.close();
    this.disconnected();
  }

  private *fault(segid: number, page: number, write: boolean): Routine<Errno | undefined> {
    const pending = this.begin({ type: Type.fault, flag: write ? 1 : 0, id: segid, page });
    const reply = yield* this.finish(pending);
    if (typeof reply === 'string') return reply;
    const answer = answerOf(reply);
    if (answer !== 'done') return answer;
    if (!races.lost(pending[1].raced)) {
      let pages = this.translations.get(segid);
      if (pages === undefined) this.translations.set(segid, (pages = new Map()));
      pages.set(page, reply.count !== 0);
    }
    // Somebody else's recall holds the lease back: it ends soon.
    if (reply.id === 0) yield* this.shared.host.tasks.sleep(Math.ceil(this.shared.config.leaseNs / 64));
    return undefined;
  }

  private held(segid: number, page: number): boolean | undefined {
    this.lapse();
    return this.translations.get(segid)?.get(page);
  }

  /** What was held under a lease that ran out is gone. */
  private lapse(): void {
    if (this.shared.host.tasks.now() < this.leaseUntil) return;
    this.translations.clear();
    for (const pending of this.pending.values()) pending.raced = true;
  }

  private *request(frame: Pending['frame']): Routine<Frame | Errno> {
    const error = yield* this.connect();
    return error ?? (yield* this.finish(this.begin(frame)));
  }

  private begin(frame: Pending['frame']): readonly [number, Pending] {
    const number = ++this.lastNumber;
    const pending: Pending = { frame, sentAt: this.shared.host.tasks.now(), raced: false, answer: undefined };
    if (this.link === undefined) pending.answer = 'ECONNRESET';
    this.pending.set(number, pending);
    return [number, pending];
  }

  /** Sends until the answer is there; a peer that never answers is given up. @sleeps May. */
  private *finish([number, pending]: readonly [number, Pending]): Routine<Frame | Errno> {
    const message = encode({ ...pending.frame, number });
    const answered = (): boolean => pending.answer !== undefined;
    const patience = Math.ceil(this.shared.config.leaseNs / 16);
    for (let tries = 0; tries < TRIES && !answered(); tries++) {
      this.link?.send(message);
      yield* this.answers.waitTimeout(answered, patience);
    }
    this.pending.delete(number);
    if (pending.answer === undefined) this.close();
    this.acknowledge();
    return pending.answer ?? 'ETIMEDOUT';
  }

  /** @sleeps May. */
  private *connect(): Routine<Errno | undefined> {
    const { links, tasks } = this.shared.host;
    if (links === undefined) return 'EOPNOTSUPP';
    yield* this.connecting.acquire();
    let error: Errno | undefined;
    if (this.link === undefined) {
      const link = yield* links.connect(this.endpoint, this.shared.config.leaseNs);
      if (typeof link === 'string') error = link;
      else {
        this.link = link;
        tasks.kernelThread(`xpmem link to ${this.endpoint}`, () => this.receive(link), 'daemon');
      }
    }
    this.connecting.release();
    return error;
  }

  private *receive(link: Link): Routine<void> {
    for (;;) {
      const message = yield* link.receive();
      if (typeof message === 'string') break;
      const frame = decode(message);
      if (frame?.type === Type.reply) this.replied(frame);
      else if (frame?.type === Type.recall) this.recalled(frame);
      else this.shared.stats.bad_messages();
    }
    if (this.link === link) this.disconnected();
  }

  private replied(frame: Frame): void {
    const pending = this.pending.get(frame.number);
    if (pending === undefined || pending.answer !== undefined) return;
    if (frame.id > 0) {
      this.lapse();
      this.leaseUntil = Math.max(this.leaseUntil, pending.sentAt + frame.id);
    }
    pending.answer = frame;
    this.answers.wakeAll();
  }

  private recalled({ number, id, page, count }: Frame): void {
    const pages = this.translations.get(id);
    for (const held of [...(pages?.keys() ?? [])]) if (held >= page && held < page + count) pages?.delete(held);
    for (const pending of this.pending.values()) if (within(pending, { id, page, count })) pending.raced = true;
    this.due.push({ number, id, page, count });
    this.acknowledge();
  }

  /** Answers the recalls whose pages nobody is at. */
  private acknowledge(): void {
    const busy = [...this.pending.values()].filter(({ frame: { type } }) => type === Type.load || type === Type.store);
    this.due = this.due.filter((recall) => {
      if (busy.some((pending) => pending.answer === undefined && within(pending, recall))) return true;
      this.link?.send(encode({ type: Type.ack, number: recall.number }));
      return false;
    });
  }

  private disconnected(): void {
    this.link = undefined;
    this.translations.clear();
    this.granted.clear();
    this.due = [];
    this.leaseUntil = 0;
    for (const pending of this.pending.values()) pending.answer ??= 'ECONNRESET';
    this.answers.wakeAll();
  }
}

function within({ frame }: Pending, { id, page, count }: Pick<RecallDue, 'id' | 'page' | 'count'>): boolean {
  const at = frame.page ?? 0;
  return frame.id === id && at >= page && at < page + count;
}

/** Twins change it. */
export const races: { lost: (raced: boolean) => boolean } = { lost: (raced) => raced };
