/**
 * A scheduler for tests that decide themselves who runs: every visible step announces itself by a label, and a task is
 * stepped by hand or driven to a label. Locks and queues really block, so a lost wake-up is a task that never goes on.
 */
import type {
  Atomic,
  Completion,
  Mutex,
  PreemptionPoint,
  Routine,
  RwLock,
  RwSemaphore,
  SpinLock,
  Srcu,
  SyncService,
  WaitQueue,
} from '@mmu-notifier/plugin-api';

/** One routine under way. */
export class FakeTask<T = unknown> {
  readonly name: string;
  done = false;
  result: T | undefined;
  /** What it does next. */
  at = 'start';
  blocked: (() => boolean) | undefined;
  spinlocks = 0;
  private readonly routine: Routine<T>;
  private readonly sched: FakeScheduler;

  constructor(sched: FakeScheduler, name: string, routine: Routine<T>) {
    this.sched = sched;
    this.name = name;
    this.routine = routine;
  }

  get runnable(): boolean {
    return !this.done && (this.blocked === undefined || !this.blocked());
  }

  step(): void {
    if (!this.runnable) throw new Error(`${this.name} cannot run: ${this.done ? 'done' : `it waits at "${this.at}"`}`);
    this.blocked = undefined;
    const before = this.sched.current;
    this.sched.current = this as FakeTask;
    const next = this.routine.next();
    this.sched.current = before;
    if (next.done === true) {
      this.done = true;
      this.at = 'done';
      this.result = next.value;
      if (this.spinlocks > 0) throw new Error(`${this.name} ended with a spinlock held`);
    } else {
      this.at = this.sched.label(next.value);
    }
  }

  /** Runs until the next step is one whose label contains `text`. */
  runTo(text: string): this {
    do this.step();
    while (!this.done && !this.at.includes(text));
    if (this.done) throw new Error(`${this.name} ended before "${text}"`);
    return this;
  }

  /** Runs while it can. */
  runWhileRunnable(): this {
    while (this.runnable) this.step();
    return this;
  }

  finish(): T {
    while (!this.done) this.step();
    return this.result as T;
  }
}

export class FakeScheduler {
  current: FakeTask | undefined;
  /** `srcu.synchronize` and other sleeps are refused while this is set. */
  private readonly labels: string[] = [];
  private readonly ids = new Map<string, number>();

  point(label: string): PreemptionPoint {
    let id = this.ids.get(label);
    if (id === undefined) {
      id = this.labels.push(label) - 1;
      this.ids.set(label, id);
    }
    return id * 32;
  }

  label(point: PreemptionPoint): string {
    return this.labels[point / 32] ?? '?';
  }

  task<T>(name: string, routine: Routine<T>): FakeTask<T> {
    return new FakeTask(this, name, routine);
  }

  run<T>(routine: Routine<T>): T {
    return this.task('main', routine).finish();
  }

  mightSleep(what: string): void {
    if ((this.current?.spinlocks ?? 0) > 0) throw new Error(`sleep in atomic: ${what}`);
  }

  *block(label: string, blocked: () => boolean): Routine<void> {
    if (this.current === undefined) throw new Error(`no task waits for ${label}`);
    this.current.blocked = blocked;
    yield this.point(label);
  }
}

class FakeLock implements SpinLock, Mutex {
  private owner: FakeTask | undefined;
  private readonly sched: FakeScheduler;
  private readonly name: string;
  private readonly kind: 'spin' | 'mutex';

  constructor(sched: FakeScheduler, name: string, kind: 'spin' | 'mutex') {
    this.sched = sched;
    this.name = name;
    this.kind = kind;
  }

  *acquire(): Routine<void> {
    if (this.kind === 'mutex') this.sched.mightSleep(this.name);
    yield this.sched.point(`lock ${this.name}`);
    if (this.held) throw new Error(`${this.name} is taken twice`);
    while (this.owner !== undefined) yield* this.sched.block(`wait ${this.name}`, () => this.owner !== undefined);
    this.take();
  }

  acquireNow(): boolean {
    return false;
  }

  tryAcquire(): boolean {
    if (this.owner !== undefined) return false;
    this.take();
    return true;
  }

  release(): void {
    if (!this.held) throw new Error(`${this.name} is released by a task that does not hold it`);
    if (this.kind === 'spin') (this.owner as FakeTask).spinlocks--;
    this.owner = undefined;
  }

  acquireIrq(): Routine<void> {
    return unused('acquireIrq');
  }

  releaseIrq(): void {
    unused('releaseIrq');
  }

  get held(): boolean {
    return this.owner !== undefined && this.owner === this.sched.current;
  }

  private take(): void {
    this.owner = this.sched.current;
    if (this.kind === 'spin') (this.owner as FakeTask).spinlocks++;
  }
}

class FakeQueue implements WaitQueue {
  private epoch = 0;
  private readonly sched: FakeScheduler;
  private readonly name: string;

  constructor(sched: FakeScheduler, name: string) {
    this.sched = sched;
    this.name = name;
  }

  *waitUntil(condition: () => boolean): Routine<void> {
    this.sched.mightSleep(this.name);
    while (!condition()) {
      const { epoch } = this;
      yield* this.sched.block(`wait ${this.name}`, () => this.epoch === epoch);
    }
  }

  waitInterruptible(): Routine<'EINTR' | undefined> {
    return unused('waitInterruptible');
  }

  waitTimeout(): Routine<boolean> {
    return unused('waitTimeout');
  }

  wakeAll(): void {
    this.epoch++;
  }

  wakeOne(): void {
    this.epoch++;
  }
}

class FakeSrcu implements Srcu {
  private readonly inside = new Set<number>();
  private next = 0;
  private readonly sched: FakeScheduler;
  private readonly name: string;

  constructor(sched: FakeScheduler, name: string) {
    this.sched = sched;
    this.name = name;
  }

  readLock(): number {
    this.inside.add(this.next);
    return this.next++;
  }

  readUnlock(token: number): void {
    if (!this.inside.delete(token)) throw new Error(`${this.name}: unlock without lock`);
  }

  call(): void {
    unused('call');
  }

  barrier(): Routine<void> {
    return unused('barrier');
  }

  *synchronize(): Routine<void> {
    this.sched.mightSleep(this.name);
    yield this.sched.point(`synchronize ${this.name}`);
    const before = this.next;
    const readers = (): boolean => [...this.inside].some((token) => token < before);
    while (readers()) yield* this.sched.block(`wait ${this.name}`, readers);
  }
}

class FakeAtomic implements Atomic {
  value: number;
  private readonly sched: FakeScheduler;
  private readonly name: string;

  constructor(sched: FakeScheduler, name: string, initial: number) {
    this.sched = sched;
    this.name = name;
    this.value = initial;
  }

  *load(): Routine<number> {
    yield this.sched.point(`load ${this.name}`);
    return this.value;
  }

  *store(value: number): Routine<void> {
    yield this.sched.point(`store ${this.name}`);
    this.value = value;
  }

  *add(delta: number): Routine<number> {
    yield this.sched.point(`add ${this.name}`);
    this.value += delta;
    return this.value;
  }
}

/** The services that this driver uses; another one throws. */
export function fakeSync(sched: FakeScheduler): SyncService {
  return {
    preemptive: true,
    spinLock: (name) => new FakeLock(sched, name, 'spin'),
    mutex: (name) => new FakeLock(sched, name, 'mutex'),
    waitQueue: (name) => new FakeQueue(sched, name),
    srcu: (name) => new FakeSrcu(sched, name),
    atomic: (name, initial = 0) => new FakeAtomic(sched, name, initial),
    completion: (name): Completion => {
      const queue = new FakeQueue(sched, name);
      let complete = false;
      return {
        wait: () => queue.waitUntil(() => complete),
        waitInterruptible: () => unused('waitInterruptible'),
        waitTimeout: () => unused('waitTimeout'),
        complete: () => unused('complete'),
        completeAll: () => {
          complete = true;
          queue.wakeAll();
        },
        reinit: () => {
          complete = false;
        },
      };
    },
    sharedState: () => ({
      reads: () => undefined,
      changes: () => undefined,
    }),
    *preempt(name) {
      yield sched.point(name);
    },
    mightSleep: () => sched.mightSleep('mightSleep'),
    mightReclaim: () => unused('mightReclaim'),
    get rcu(): Srcu {
      return unused('rcu');
    },
    seqCount: () => unused('seqCount'),
    rwSemaphore: (): RwSemaphore => unused('rwSemaphore'),
    rwLock: (): RwLock => unused('rwLock'),
  };
}

function unused(name: string): never {
  throw new Error(`the fake host has no ${name}`);
}
