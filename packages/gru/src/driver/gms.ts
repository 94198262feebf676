/**
 * What the driver knows of one address space: the ASIDs that it has on each chiplet, and how many ranges of it are being
 * invalidated. All contexts of the mm share it, whichever process opened them; it is registered with the chain by `get`
 * and goes with the last `put`. Mirrors `struct gru_mm_struct`.
 *
 * The protocol: **start raises the count before it purges, a drop-in tests the count before it looks the page up.** A
 * range that opened before the test is seen; one that opens after it purges after it, which either drops the entry or
 * makes hardware ignore the drop-in. The count does not say which range: every open one holds back every drop-in.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type {
  Atomic,
  Errno,
  MmHandle,
  MmuNotifierOps,
  NotifierSubscription,
  Routine,
  SharedState,
  SpinLock,
  WaitQueue,
} from '@mmu-notifier/plugin-api';
import { notifierOps } from './invalidate.ts';
import type { GruShared } from './shared.ts';

/** The ASID on one chiplet. @locks gms.asidLock. */
export interface AsidTracker {
  /** 0: none; the next load takes a new one. */
  readonly asid: number;
  /** Generation of the chiplet's allocator when it was handed out. */
  readonly generation: number;
  /** Contexts that run with it, a bit each. */
  readonly contexts: number;
}

export class Gms {
  readonly mm: MmHandle;
  readonly ops: MmuNotifierOps;
  subscription: NotifierSubscription | undefined;
  /** Contexts that hold it. */
  users = 0;
  /** The last context is gone: whoever still waits for `get` begins again with a new object. */
  dead = false;
  /** Ranges between their start and their end (`ms_range_active`). */
  readonly rangeActive: Atomic;
  /** Whoever waits until no range is open. */
  readonly waitQueue: WaitQueue;
  readonly asidLock: SpinLock;
  readonly asids: AsidTracker[] = [];
  /** What is read outside of `asidLock`: the map, the ASIDs, whether it is released. */
  private readonly state: SharedState;
  private releasedNow = false;
  private map = 0;

  constructor(shared: GruShared, mm: MmHandle) {
    const { host, chiplets } = shared;
    const owner = `${host.deviceName}.mm${mm.id}`;
    this.mm = mm;
    this.rangeActive = host.sync.atomic(`${owner}.rangeActive`);
    this.waitQueue = host.sync.waitQueue(`${owner}.waitQueue`);
    this.asidLock = host.sync.spinLock(`${owner}.asidLock`);
    this.state = host.sync.sharedState(`${owner}.state`);
    for (let gid = 0; gid < chiplets.length; gid++) this.asids.push({ asid: 0, generation: 0, contexts: 0 });
    this.ops = notifierOps(shared, this);
  }

  /** The address space is gone or going: nothing is loaded any more. @locks Changed under asidLock. */
  get released(): boolean {
    this.state.reads();
    return this.releasedNow;
  }

  set released(released: boolean) {
    this.state.changes();
    this.releasedNow = released;
  }

  /** Chiplets that have an ASID, a bit each. @locks Changed under asidLock. */
  get asidmap(): number {
    this.state.reads();
    return this.map;
  }

  set asidmap(asidmap: number) {
    this.state.changes();
    this.map = asidmap;
  }

  /** Whether a range of this address space is being invalidated. */
  get invalidating(): boolean {
    return this.rangeActive.value !== 0;
  }

  beginRange(): Routine<number> {
    return this.rangeActive.add(1);
  }

  /** Lowers the count, then wakes: a waiter that finds it raised again goes on sleeping. */
  *endRange(): Routine<number> {
    const active = yield* this.rangeActive.add(-1);
    this.waitQueue.wakeAll();
    return active;
  }

  tracker(gid: number): AsidTracker {
    this.state.reads();
    return this.asids[gid] as AsidTracker;
  }

  /** Changes what is known of the ASID on a chiplet. @locks asidLock held. */
  track(gid: number, change: Partial<AsidTracker>): void {
    this.state.changes();
    this.asids[gid] = { ...(this.asids[gid] as AsidTracker), ...change };
  }

  /**
   * Gives the ASID of a chiplet up: nobody runs with it, and the next load takes another one. Cheap, for it purges
   * nothing.
   *
   * @locks asidLock held. @sleeps Never.
   */
  abandonAsid(shared: GruShared, gid: number): void {
    shared.chiplets[gid]?.chiplet.tlb.abandon(this.tracker(gid).asid, this.mm);
    this.track(gid, { asid: 0 });
    this.asidmap &= ~(1 << gid);
  }
}

/**
 * The object of an address space, with one more user.
 *
 * @locks None of core's held; takes mmapLock for write on the first call. @sleeps May. Errors: those of `notifiers.get`.
 */
export function* getGms(shared: GruShared, mm: MmHandle): Routine<Gms | Errno> {
  const { host, spaces, stats } = shared;
  for (;;) {
    shared.state.changes();
    let gms = spaces.get(mm.id);
    if (gms === undefined) {
      spaces.set(mm.id, (gms = new Gms(shared, mm)));
      stats.gms_alloc();
    }
    const subscription = yield* host.notifiers.get(mm, gms.ops);
    if (isErrno(subscription)) {
      if (gms.users === 0) forget(shared, gms);
      return subscription;
    }
    shared.state.changes();
    if (!gms.dead) {
      gms.subscription = subscription;
      gms.users++;
      return gms;
    }
    // The last context went while this one waited, and a start that it was told of may never get its end.
    host.notifiers.put(subscription);
  }
}

/** Gives one user back. The ASIDs of an object without users die with it. @sleeps Never, but for its spinlock. */
export function* putGms(shared: GruShared, gms: Gms): Routine<void> {
  shared.state.changes();
  if (--gms.users > 0) return;
  forget(shared, gms);
  if (!gms.asidLock.acquireNow()) yield* gms.asidLock.acquire();
  for (let gid = 0; gid < gms.asids.length; gid++) if (gms.tracker(gid).asid !== 0) gms.abandonAsid(shared, gid);
  gms.asidLock.release();
  if (gms.subscription !== undefined) shared.host.notifiers.put(gms.subscription);
}

function forget({ spaces }: GruShared, gms: Gms): void {
  gms.dead = true;
  if (spaces.get(gms.mm.id) === gms) spaces.delete(gms.mm.id);
}
