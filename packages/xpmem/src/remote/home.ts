/**
 * The home node's side: what other nodes hold of this one's segments, and the accesses that they make through it. An access
 * arrives as bytes and is carried out by this node, through the entry of the ledger that stands for the other node's
 * translation.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { Errno, Link, LinkListener, Routine, WaitQueue } from '@mmu-notifier/plugin-api';
import { fetchPage, serves } from '../fault.ts';
import { PfnTable } from '../pfn-table.ts';
import type { Segment } from '../segment.ts';
import { type XpmemShared, badMessage } from '../shared.ts';
import { decodeList, packLoads } from './list.ts';
import { Type, decode, encode, flagOf } from './wire.ts';
import type { Frame } from './wire.ts';

/** Faults of one node at a time; more are told to come again. */
const MOST_FAULTS = 16;
/** Replies that are remembered, for requests that come again. */
const MOST_REPLIES = 256;

/** What one node may do with one segment, and what it holds of it. */
export interface Holder {
  readonly session: HomeSession;
  /** Its translations. */
  readonly table: PfnTable;
  writable: boolean;
}

export class HomeSession {
  readonly link: Link;
  /** By segid. */
  readonly holders: Map<number, Holder> = new Map();
  /** By number: recalls that are not answered. */
  readonly recalls: Set<number> = new Set();
  /** An answer came, or the session ended. */
  readonly answers: WaitQueue;
  /** The peer uses nothing from then on unless it hears from this node. Never earlier than the peer believes. */
  leaseUntil = 0;
  /** The peer has closed, and holds nothing. */
  gone = false;
  private readonly shared: XpmemShared;
  private readonly replies = new Map<number, Uint8Array>();
  private readonly faulting = new Set<number>();
  private lastRecall = 0;

  constructor(shared: XpmemShared, link: Link) {
    this.shared = shared;
    this.link = link;
    this.answers = shared.host.sync.waitQueue(`xpmem answers of ${link.peer}`);
  }

  /** Until the link ends, and then until the peer's lease has. @sleeps May. */
  *serve(): Routine<void> {
    const { link, shared } = this;
    for (;;) {
      const message = yield* link.receive();
      if (typeof message === 'string') break;
      const frame = decode(message);
      if (frame === undefined) badMessage(shared, link.peer);
      else yield* this.handle(frame);
    }
    const { tasks } = shared.host;
    if (link.end === 'lost' && tasks.now() < this.leaseUntil) yield* tasks.sleep(this.leaseUntil - tasks.now());
    this.gone = true;
    this.answers.wakeAll();
    for (const [segid, { table }] of this.holders) yield* this.forget(segid, table);
  }

  nextRecall(): number {
    return ++this.lastRecall;
  }

  private *forget(segid: number, table: PfnTable): Routine<void> {
    const segment = table.segment;
    if (segment === undefined) return;
    yield* segment.lock.acquire();
    yield* table.drop(segment.vaddr, segment.end);
    segment.holders.delete(this);
    segment.lock.release();
    this.holders.delete(segid);
  }

  private *handle(frame: Frame): Routine<void> {
    const { number, type } = frame;
    if (type === Type.ack) {
      this.recalls.delete(number);
      return this.answers.wakeAll();
    }
    const known = this.replies.get(number);
    // It has had its effect: only the reply was lost.
    if (known !== undefined) return void this.link.send(known);
    if (this.faulting.has(number)) return;
    if (type === Type.get) this.reply(number, this.get(frame));
    else if (type === Type.renew) this.reply(number, 'done');
    else if (type === Type.fault) this.fault(frame);
    else if (type === Type.load || type === Type.store) yield* this.access(frame);
    else if (type === Type.list) yield* this.list(frame);
    else badMessage(this.shared, this.link.peer);
  }

  /** Peers are strangers: the last three bits of the mode are theirs. */
  private get({ id, flag }: Frame): Errno | 'done' {
    const segment = this.shared.segments.get(id);
    if (segment === undefined || segment.destroying) return 'ENOENT';
    const wanted = flag === 0 ? 0o4 : 0o6;
    if ((segment.mode & wanted) !== wanted) return 'EACCES';
    let holder = segment.holders.get(this);
    if (holder === undefined) {
      holder = { session: this, table: new PfnTable(this.shared, segment.owner.mm, segment), writable: false };
      segment.holders.set(this, holder);
      this.holders.set(id, holder);
    }
    holder.writable ||= flag !== 0;
    return 'done';
  }

  /** In a task of its own, for it may wait for the very recall whose answer this one has to hear. */
  private fault(frame: Frame): void {
    const { number, id, page } = frame;
    const holder = this.holders.get(id);
    const error = check(holder, frame);
    if (error !== undefined || holder === undefined) return this.reply(number, error ?? 'EFAULT');
    if (this.faulting.size >= MOST_FAULTS) return this.reply(number, 'EAGAIN');
    this.faulting.add(number);
    const { segment } = holder.table;
    const source = (segment?.vaddr ?? 0) + page * PAGE_SIZE;
    this.shared.stats.remote_faults();
    this.shared.host.tasks.kernelThread(`xpmem fault of ${this.link.peer}`, () =>
      this.grant(segment as Segment, holder, frame, source),
    );
  }

  private *grant(segment: Segment, { table }: Holder, { number, flag }: Frame, source: number): Routine<void> {
    // Also where the table has the page: a recall that was answered, and has not been finished, is about to take it.
    const error = yield* fetchPage(this.shared, segment, source, flag !== 0, table);
    this.faulting.delete(number);
    if (this.gone) return yield* this.forget(segment.segid, table);
    this.reply(number, error ?? 'done', table.pages.get(source)?.writable === true ? 1 : 0);
  }

  /** `EAGAIN`: it holds no such translation (any more), and faults anew. @locks Takes segment.lock. @sleeps Never. */
  private *access(frame: Frame): Routine<void> {
    const { number, type, id, page, offset, count, body } = frame;
    const holder = this.holders.get(id);
    const error = check(holder, frame);
    const segment = holder?.table.segment;
    if (error !== undefined || holder === undefined || segment === undefined)
      return this.reply(number, error ?? 'EFAULT');
    const { ledger } = this.shared.host;
    yield* segment.lock.acquire();
    const held = holder.table.pages.get(segment.vaddr + page * PAGE_SIZE);
    const write = type === Type.store;
    const served = held !== undefined && serves(held, write);
    const loaded = new Uint8Array(write ? 0 : count);
    if (served && write) ledger.store(held.entry, offset, body.length, body, 0);
    else if (served) ledger.load(held.entry, offset, count, loaded, 0);
    segment.lock.release();
    this.shared.stats.remote_accesses();
    this.reply(number, served ? 'done' : 'EAGAIN', 0, loaded);
  }

  /** As `access`, one after the other: the reply counts those that were carried out. */
  private *list({ number, id, body }: Frame): Routine<void> {
    const holder = this.holders.get(id);
    const segment = holder?.table.segment;
    const accesses = decodeList(body);
    if (accesses === undefined) return badMessage(this.shared, this.link.peer);
    if (holder === undefined || segment === undefined || segment.destroying) return this.reply(number, 'ENOENT');
    const { ledger } = this.shared.host;
    let done = 0;
    yield* segment.lock.acquire();
    for (const { page, offset, kind, data } of accesses) {
      const held = holder.table.pages.get(segment.vaddr + page * PAGE_SIZE);
      const write = kind === 'store';
      if (held === undefined || !serves(held, write) || (write && !holder.writable)) break;
      ledger[kind](held.entry, offset, data.length, data, 0);
      done++;
    }
    segment.lock.release();
    this.shared.stats.remote_accesses(done);
    this.reply(number, done === accesses.length ? 'done' : 'EAGAIN', done, packLoads(accesses, done));
  }

  /** A lease is not renewed while an answer is due: so a recall ends when the lease ends that it found. */
  private reply(number: number, answer: Errno | 'done', count = 0, body: Uint8Array = new Uint8Array(0)): void {
    const { config, host } = this.shared;
    const renews = this.recalls.size === 0;
    if (renews) this.leaseUntil = Math.max(this.leaseUntil, host.tasks.now() + config.leaseNs);
    const id = renews ? config.leaseNs : 0;
    const message = encode({ type: Type.reply, flag: flagOf(answer), number, count, id, body });
    this.replies.set(number, message);
    for (const old of this.replies.keys()) {
      if (this.replies.size <= MOST_REPLIES) break;
      this.replies.delete(old);
    }
    // Where there is no room the peer asks again.
    this.link.send(message);
  }
}

function check(holder: Holder | undefined, { type, flag, page }: Frame): Errno | undefined {
  const segment = holder?.table.segment;
  if (holder === undefined || segment === undefined || segment.destroying) return 'ENOENT';
  if (page >= segment.size / PAGE_SIZE) return 'EFAULT';
  const writes = type === Type.store || (type === Type.fault && flag !== 0);
  return writes && !holder.writable ? 'EACCES' : undefined;
}

/** Takes in whoever connects, until the listener is closed. @sleeps May. */
export function* acceptPeers(shared: XpmemShared, listener: LinkListener): Routine<void> {
  for (;;) {
    const link = yield* listener.accept();
    if (typeof link === 'string') return;
    const session = new HomeSession(shared, link);
    shared.host.tasks.kernelThread(`xpmem session of ${link.peer}`, () => session.serve(), 'daemon');
  }
}
