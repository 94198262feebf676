/**
 * The other node's side: what it was granted by one home node, and how it asks. A request has a number, is sent again until
 * it is answered, and has its effect once.
 *
 * A translation is used while the lease runs. It goes with a recall, with the end of the lease, and with the link. A fault
 * that a recall overtakes is asked anew, for its answer may be older than the recall.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { Errno, Link, Mutex, Routine, WaitQueue } from '@mmu-notifier/plugin-api';
import { type XpmemShared, badMessage } from '../shared.ts';
import { type ListedAccess, encodeList, unpackLoads } from './list.ts';
import { type Pending, within } from './pending.ts';
import { Type, answerOf, decode, encode } from './wire.ts';
import type { Frame } from './wire.ts';

/** How often a request is sent, and how often an access begins anew. */
const TRIES = 40;

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
      const ready = yield* this.ready(segid, mode, page, write);
      if (ready === 'again') continue;
      if (ready !== undefined) return ready;
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

  /**
   * Accesses one after the other, as many in one message as it takes.
   *
   * @returns how many were made, and why not the next one. @sleeps May.
   */
  *list(
    { segid, mode }: { readonly segid: number; readonly mode: 'ro' | 'rw' },
    accesses: readonly ListedAccess[],
  ): Routine<{ readonly done: number; readonly error: Errno | undefined }> {
    let done = 0;
    for (let tries = 0; done < accesses.length && tries < TRIES; tries++) {
      const { ready, error } = yield* this.prepare(segid, mode, accesses, done);
      if (ready === done) return { done, error };
      const { body } = encodeList(accesses.slice(0, ready), done);
      const reply = yield* this.request({ type: Type.list, id: segid, body });
      if (typeof reply === 'string') return { done, error: reply };
      const answer = answerOf(reply);
      if (answer !== 'done' && answer !== 'EAGAIN') return { done, error: answer };
      if (!unpackLoads(accesses, done, reply.count, reply.body)) return { done, error: 'EPROTO' };
      if (reply.count > 0) tries = 0;
      done += reply.count;
      if (answer === 'EAGAIN') this.translations.get(segid)?.delete(accesses[done]?.page ?? -1);
    }
    return { done, error: done < accesses.length ? 'ETIMEDOUT' : undefined };
  }

  /** Nothing is used any more, and then the peer hears of it. @sleeps Never. */
  close(): void {
    this.translations.clear();
    this.link?.close();
    this.disconnected();
  }

  /** Faults in what the accesses from `first` on need. @returns up to which it did, and why no further. */
  private *prepare(
    segid: number,
    mode: 'ro' | 'rw',
    accesses: readonly ListedAccess[],
    first: number,
  ): Routine<{ readonly ready: number; readonly error: Errno | undefined }> {
    for (let at = first; at < accesses.length; at++) {
      const { page, kind } = accesses[at] as ListedAccess;
      const held = this.link === undefined ? undefined : this.held(segid, page);
      if (held === true || (held === false && kind === 'load')) continue;
      let found: Errno | 'again' | undefined = 'again';
      for (let tries = 0; found === 'again' && tries < TRIES; tries++)
        found = yield* this.ready(segid, mode, page, kind === 'store');
      if (found !== undefined) return { ready: at, error: found === 'again' ? 'ETIMEDOUT' : found };
    }
    return { ready: accesses.length, error: undefined };
  }

  /** `undefined`: the translation is here. `again`: it was asked for. @sleeps May. */
  private *ready(segid: number, mode: 'ro' | 'rw', page: number, write: boolean): Routine<Errno | 'again' | undefined> {
    if (this.link === undefined || !this.granted.has(segid)) {
      const error = yield* this.get(segid, mode);
      if (error !== undefined) return error;
    }
    const held = this.held(segid, page);
    if (held !== undefined && (held || !write)) return undefined;
    const error = yield* this.fault(segid, page, write);
    return error === undefined || error === 'EAGAIN' ? 'again' : error;
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
      else badMessage(this.shared, link.peer);
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
    if (pages !== undefined && count <= pages.size)
      for (let gone = page; gone < page + count; gone++) pages.delete(gone);
    else for (const held of pages?.keys() ?? []) if (held >= page && held < page + count) pages?.delete(held);
    for (const pending of this.pending.values()) if (within(pending, { id, page, count })) pending.raced = true;
    // An access that is under way finds no translation at home, and is made anew.
    this.link?.send(encode({ type: Type.ack, number }));
  }

  private disconnected(): void {
    this.link = undefined;
    this.translations.clear();
    this.granted.clear();
    this.leaseUntil = 0;
    for (const pending of this.pending.values()) pending.answer ??= 'ECONNRESET';
    this.answers.wakeAll();
  }
}

/** Twins change it. */
export const races: { lost: (raced: boolean) => boolean } = { lost: (raced) => raced };
