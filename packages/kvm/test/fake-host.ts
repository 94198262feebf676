/**
 * A machine small enough to read: page tables as Maps, frames with counts, one notifier chain an address space, and a
 * ledger that throws as soon as a device reaches what it must not.
 */
import { API_VERSION, PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type {
  Errno,
  FrameService,
  GetPageOptions,
  LedgerEntry,
  LedgerService,
  MmHandle,
  MmuNotifierOps,
  NotifierEvent,
  NotifierRange,
  NotifierService,
  NotifierSubscription,
  PageService,
  Pfn,
  PluginHost,
  ProcessHandle,
  ProcessService,
  Routine,
  Translation,
  UserMemoryService,
  UserPage,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import { FakeScheduler, fakeSync } from './fake-sync.ts';

const ZERO_PFN = 1;

interface Pte {
  pfn: number;
  writable: boolean;
}

interface Frame {
  readonly bytes: Uint8Array;
  references: number;
  dirty: boolean;
  accessed: boolean;
  poisoned: boolean;
}

interface Entry {
  readonly translation: Translation;
  state: 'valid' | 'cleared' | 'flushed';
  permission: 'load' | 'draining' | 'store';
}

/** An address space. */
export class FakeMm implements MmHandle {
  readonly id: number;
  users = 1;
  grabs = 0;
  /** Pages that may be faulted in, by page number. */
  readonly areas = new Map<number, 'r' | 'rw'>();
  readonly ptes = new Map<number, Pte>();
  chain: MmuNotifierOps[] = [];
  /** Callbacks that run now: leaving the chain waits for them. */
  callbacks = 0;

  constructor(id: number) {
    this.id = id;
  }
}

export class FakeProcess implements ProcessHandle {
  readonly name: string;
  mm: FakeMm | undefined;

  constructor(name: string, mm: FakeMm) {
    this.name = name;
    this.mm = mm;
  }
}

export class FakeHost implements PluginHost {
  readonly apiVersion = API_VERSION;
  readonly world = { sleepableNotifiers: true };
  readonly deviceName = 'kvm0';
  readonly capabilities: ReadonlySet<never> = new Set<never>();
  readonly sched = new FakeScheduler();
  readonly sync = fakeSync(this.sched);
  readonly counters = new Map<string, number>();
  readonly events: string[] = [];
  readonly frameTable = new Map<number, Frame>();
  readonly entries: Entry[] = [];
  /** Answers of `choose`, by what is asked; 0 otherwise. */
  readonly choices = new Map<string, number>();
  /** What `register` answers instead of registering. */
  registerError: Errno | undefined;
  signalled = false;
  /** Told of each range between its starts and its ends, before it changes and after. */
  barrier: (mm: FakeMm, start: number, end: number) => void = () => undefined;
  pins = 0;
  private nextPfn = 100;
  private processCount = 0;

  constructor() {
    this.frameTable.set(ZERO_PFN, newFrame());
  }

  process(): FakeProcess {
    const id = ++this.processCount;
    return new FakeProcess(`p${id}`, new FakeMm(id));
  }

  /** Makes `pages` pages from `address` faultable. */
  map(mm: FakeMm, address: number, pages: number, access: 'r' | 'rw' = 'rw'): void {
    for (let i = 0; i < pages; i++) mm.areas.set(address / PAGE_SIZE + i, access);
  }

  /** The process touches the page: a pte to a frame of its own. */
  populate(mm: FakeMm, address: number, access: 'r' | 'rw'): void {
    const pfn = this.allocate();
    this.frame(pfn).references = 1;
    mm.ptes.set(address / PAGE_SIZE, { pfn, writable: access === 'rw' });
  }

  pte(mm: FakeMm, address: number): Pte | undefined {
    return mm.ptes.get(Math.floor(address / PAGE_SIZE));
  }

  frame(pfn: number): Frame {
    const frame = this.frameTable.get(pfn);
    if (frame === undefined) throw new Error(`frame ${pfn} is free`);
    return frame;
  }

  stat(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  /** The pages of the range go: `munmap` without `keep`, `madvise(DONTNEED)` with it. */
  *unmap(mm: FakeMm, start: number, end: number, areas: 'keep' | 'drop' = 'drop', blockable = true): Routine<void> {
    yield* this.window(mm, start, end, 'UNMAP', blockable, () => {
      for (let page = start / PAGE_SIZE; page < end / PAGE_SIZE; page++) {
        const pte = mm.ptes.get(page);
        if (areas === 'drop') mm.areas.delete(page);
        mm.ptes.delete(page);
        if (pte !== undefined) this.putFrame(pte.pfn);
      }
    });
  }

  /** As fork does: the ptes lose write permission, the pages stay and have a second user. */
  *writeProtect(mm: FakeMm, start: number, end: number): Routine<void> {
    yield* this.window(mm, start, end, 'PROTECTION_PAGE', true, () => {
      for (let page = start / PAGE_SIZE; page < end / PAGE_SIZE; page++) {
        const pte = mm.ptes.get(page);
        if (pte !== undefined) pte.writable = false;
      }
    });
  }

  /** A window without a change. */
  *window(
    mm: FakeMm,
    start: number,
    end: number,
    event: NotifierEvent,
    blockable: boolean,
    change: () => void,
  ): Routine<void> {
    const range: NotifierRange = { mm, start: start as VirtualAddress, end: end as VirtualAddress, event, blockable };
    yield this.sched.point('window start');
    const chain = [...mm.chain];
    mm.callbacks++;
    for (const ops of chain) {
      const answer = ops.invalidateRangeStart === undefined ? 'done' : yield* ops.invalidateRangeStart(range);
      if (answer !== 'done') throw new Error(`start answers ${answer}`);
    }
    mm.callbacks--;
    yield this.sched.point('window change');
    this.barrier(mm, start, end);
    change();
    yield this.sched.point('window end');
    this.barrier(mm, start, end);
    mm.callbacks++;
    for (const ops of chain) {
      if (mm.chain.includes(ops) && ops.invalidateRangeEnd !== undefined) yield* ops.invalidateRangeEnd(range);
    }
    mm.callbacks--;
  }

  /** The process exits: release, then everything goes. */
  *exit(process: FakeProcess): Routine<void> {
    const { mm } = process;
    process.mm = undefined;
    if (mm !== undefined) yield* this.processes.put(mm);
  }

  choose(_count: number, what: string): number {
    return this.choices.get(what) ?? 0;
  }

  private allocate(): number {
    const pfn = this.nextPfn++;
    this.frameTable.set(pfn, newFrame());
    return pfn;
  }

  private putFrame(pfn: number): void {
    if (pfn === ZERO_PFN) return;
    const frame = this.frame(pfn);
    if (--frame.references > 0) return;
    const reaching = this.entries.find(({ translation, state }) => translation.pfn === pfn && state !== 'flushed');
    if (reaching !== undefined) {
      throw new Error(
        `use-after-free: frame ${pfn} is freed while gpa ${reaching.translation.deviceAddress} reaches it`,
      );
    }
    this.frameTable.delete(pfn);
  }

  private take(pte: Pte): UserPage {
    if (pte.pfn !== ZERO_PFN) this.frame(pte.pfn).references++;
    return { pfn: pte.pfn as Pfn, writable: pte.writable };
  }

  private *teardown(mm: FakeMm): Routine<void> {
    for (const ops of mm.chain) if (ops.release !== undefined) yield* ops.release(mm);
    mm.chain = [];
    if (mm.callbacks > 0) yield* this.sched.block('wait for callbacks', () => mm.callbacks > 0);
    for (const pte of mm.ptes.values()) this.putFrame(pte.pfn);
    mm.ptes.clear();
    mm.areas.clear();
  }

  readonly pages: PageService = {
    getUserPageNow: () => undefined,
    getUserPageFast: (mm, address, options = {}) => {
      const pte = this.pte(mm as FakeMm, address);
      return pte === undefined || (options.write === true && !pte.writable) ? undefined : this.take(pte);
    },
    getUserPage: (mm, address, options = {}) => this.getUserPage(mm as FakeMm, address, options),
    putPage: (pfn) => this.putFrame(pfn),
    pinUserPage: (mm, address, options = {}) => this.pinUserPage(mm as FakeMm, address, options),
    unpinPage: (pfn) => {
      this.pins--;
      this.putFrame(pfn);
    },
    pinUserPageFast: () => undefined,
    getUserPages: () => this.absent('getUserPages'),
    pinUserPages: () => this.absent('pinUserPages'),
    rangeFault: () => this.absent('rangeFault'),
    atomicLookup: () => undefined,
    hostMappingLevel: () => undefined,
  };

  private absent(call: string): never {
    throw new Error(`${call} is not part of the fake host`);
  }

  private *getUserPage(mm: FakeMm, address: number, options: GetPageOptions): Routine<UserPage | Errno> {
    this.sched.mightSleep('getUserPage');
    yield this.sched.point('slow gup');
    if (mm.users === 0) throw new Error('pages of a dead address space are wanted');
    const page = Math.floor(address / PAGE_SIZE);
    for (;;) {
      const area = mm.areas.get(page);
      if (area === undefined || (options.write === true && area === 'r')) return 'EFAULT';
      if (this.signalled && options.interruptible === true) return 'EINTR';
      const pte = mm.ptes.get(page);
      if (pte === undefined) {
        const pfn = options.write === true ? this.allocate() : ZERO_PFN;
        if (pfn !== ZERO_PFN) this.frame(pfn).references = 1;
        mm.ptes.set(page, { pfn, writable: options.write === true });
      } else if (options.write === true && !pte.writable) {
        yield* this.copyOnWrite(mm, page, pte);
      } else {
        return this.take(pte);
      }
    }
  }

  private *copyOnWrite(mm: FakeMm, page: number, pte: Pte): Routine<void> {
    const start = page * PAGE_SIZE;
    yield* this.window(mm, start, start + PAGE_SIZE, 'CLEAR', true, () => {
      if (mm.ptes.get(page) !== pte) return;
      const pfn = this.allocate();
      const frame = this.frame(pfn);
      frame.references = 1;
      frame.bytes.set(this.frame(pte.pfn).bytes);
      mm.ptes.set(page, { pfn, writable: true });
      this.putFrame(pte.pfn);
    });
  }

  private *pinUserPage(mm: FakeMm, address: number, options: GetPageOptions): Routine<UserPage | Errno> {
    let page = yield* this.getUserPage(mm, address, { ...options, write: true });
    if (page === 'EFAULT' && options.write !== true) page = yield* this.getUserPage(mm, address, options);
    if (typeof page !== 'string') this.pins++;
    return page;
  }

  readonly frames: FrameService = {
    markDirty: (pfn) => {
      this.frame(pfn).dirty = true;
    },
    markAccessed: (pfn) => {
      this.frame(pfn).accessed = true;
    },
    isPoisoned: (pfn) => this.frame(pfn).poisoned,
    zeroPage: ZERO_PFN as Pfn,
  };

  readonly ledger: LedgerService = {
    establish: (translation) => {
      this.frame(translation.pfn);
      return (this.entries.push({ translation, state: 'valid', permission: translation.writable ? 'store' : 'load' }) -
        1) as LedgerEntry;
    },
    upgrade: (entry) => {
      const { translation } = this.entries[entry] as Entry;
      if (this.pte(translation.mm as FakeMm, translation.address)?.writable !== true)
        throw new Error(`ledger entry ${entry} is upgraded where the pte is read-only`);
      (this.entries[entry] as Entry).permission = 'store';
    },
    downgrade: (entry) => {
      (this.entries[entry] as Entry).permission = 'draining';
    },
    clear: (entry) => {
      const it = this.entries[entry] as Entry;
      if (it.state !== 'valid') throw new Error(`ledger entry ${entry} is cleared while ${it.state}`);
      it.state = 'cleared';
    },
    flush: () => {
      for (const entry of this.entries) {
        if (entry.state === 'cleared') entry.state = 'flushed';
        if (entry.permission === 'draining') entry.permission = 'load';
      }
    },
    load: (entry, offset, length, into, at) => {
      const { pfn } = this.reach(entry).translation;
      into.set(this.frame(pfn).bytes.subarray(offset, offset + length), at);
    },
    store: (entry, offset, length, from, at) => {
      const { permission, translation } = this.reach(entry);
      const { pfn } = translation;
      if (permission === 'load') throw new Error(`store through read-only ledger entry ${entry}`);
      this.frame(pfn).bytes.set(from.subarray(at, at + length), offset);
    },
  };

  private reach(entry: LedgerEntry): Entry {
    const it = this.entries[entry] as Entry;
    if (it.state === 'flushed') throw new Error(`stale access: ledger entry ${entry} was flushed`);
    return it;
  }

  readonly notifiers: NotifierService = {
    register: (mm, ops) => this.register(mm as FakeMm, ops),
    unregister: (subscription) => this.unregister(subscription as FakeSubscription),
    get: () => unused('get'),
    put: () => unused('put'),
    synchronize: () => unused('synchronize'),
  };

  private *register(mm: FakeMm, ops: MmuNotifierOps): Routine<NotifierSubscription | Errno> {
    this.sched.mightSleep('register');
    yield this.sched.point('register');
    if (this.registerError !== undefined) return this.registerError;
    mm.chain = [ops, ...mm.chain];
    const subscription: FakeSubscription = { mm, ops };
    return subscription;
  }

  private *unregister({ mm, ops }: FakeSubscription): Routine<void> {
    this.sched.mightSleep('unregister');
    yield this.sched.point('unregister');
    if (mm.chain.includes(ops) && ops.release !== undefined) yield* ops.release(mm);
    mm.chain = mm.chain.filter((other) => other !== ops);
    if (mm.callbacks > 0) yield* this.sched.block('wait for callbacks', () => mm.callbacks > 0);
  }

  readonly processes: ProcessService = {
    grab: (mm) => {
      (mm as FakeMm).grabs++;
    },
    drop: (mm) => {
      (mm as FakeMm).grabs--;
    },
    getNotZero: (mm) => {
      if (mm.users === 0) return false;
      (mm as FakeMm).users++;
      return true;
    },
    put: (mm) => this.putMm(mm as FakeMm),
    current: () => undefined,
    signal: () => unused('signal'),
    signalPending: () => this.signalled,
    mmapReadLock: () => unused('mmapLock'),
    mmapReadTryLock: () => unused('mmapLock'),
    mmapReadUnlock: () => unused('mmapLock'),
    mmapWriteLock: () => unused('mmapLock'),
    mmapDowngrade: () => unused('mmapLock'),
    mmapWriteUnlock: () => unused('mmapLock'),
  };

  private *putMm(mm: FakeMm): Routine<void> {
    this.sched.mightSleep('mmput');
    if (--mm.users === 0) yield* this.teardown(mm);
  }

  readonly stats = {
    counter: (name: string) => {
      this.counters.set(name, 0);
      return (delta = 1) => {
        this.counters.set(name, this.stat(name) + delta);
      };
    },
  };

  readonly trace = {
    enabled: true,
    event: (name: string) => {
      this.events.push(name);
    },
  };

  readonly vmas = { find: () => unused('vmas'), overlapping: () => unused('vmas') };
  readonly userMemory: UserMemoryService = {
    tryRead: (mm, address, into) => this.tryUser(mm as FakeMm, address, 'read', into),
    read: (mm, address, into) => this.user(mm as FakeMm, address, 'read', into),
    write: (mm, address, from) => this.user(mm as FakeMm, address, 'write', from),
    compareExchange: (mm, address, expected, value) => this.exchange(mm as FakeMm, address, expected, value),
  };

  private tryUser(mm: FakeMm, address: number, kind: 'read' | 'write', data: Uint8Array): boolean {
    const pte = this.pte(mm, address);
    if (pte === undefined || (kind === 'write' && !pte.writable)) return false;
    const { bytes } = this.frame(pte.pfn);
    const offset = address % PAGE_SIZE;
    if (kind === 'write') bytes.set(data, offset);
    else data.set(bytes.subarray(offset, offset + data.length));
    return true;
  }

  private *user(mm: FakeMm, address: number, kind: 'read' | 'write', data: Uint8Array): Routine<Errno | undefined> {
    yield this.sched.point(`user ${kind}`);
    while (!this.tryUser(mm, address, kind, data)) {
      const page = yield* this.getUserPage(mm, address, { write: kind === 'write' });
      if (typeof page === 'string') return page;
      this.putFrame(page.pfn);
    }
    return undefined;
  }

  private *exchange(mm: FakeMm, address: number, expected: Uint8Array, value: Uint8Array): Routine<boolean | Errno> {
    const found = new Uint8Array(expected.length);
    const error = yield* this.user(mm, address, 'read', found);
    if (error !== undefined) return error;
    if (found.some((byte, i) => byte !== expected[i])) return false;
    return (yield* this.user(mm, address, 'write', value)) ?? true;
  }

  readonly tasks = {
    kernelThread: () => unused('tasks'),
    workQueue: () => unused('tasks'),
    timer: () => unused('tasks'),
    live: false,
    waitFor: () => unused('tasks'),
    sleep: () => unused('tasks'),
    now: () => 0,
    inReclaim: () => false,
  };
}

interface FakeSubscription extends NotifierSubscription {
  readonly mm: FakeMm;
  readonly ops: MmuNotifierOps;
}

function newFrame(): Frame {
  return { bytes: new Uint8Array(PAGE_SIZE), references: 0, dirty: false, accessed: false, poisoned: false };
}

function unused(name: string): never {
  throw new Error(`the fake host has no ${name}`);
}
