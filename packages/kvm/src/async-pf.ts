/**
 * Asynchronous page faults: a guest that asked for them does not sleep for a page that has to be read in. A worker gets
 * the page; the vCPU hears "page not present" with a token and runs another task of the guest; when the page has come, it
 * hears "page ready" with the same token. A second access to a page on its way halts the vCPU, since the guest would
 * have nothing else to do.
 *
 * The page that came is not mapped for the guest: the access that wanted it comes again, through the whole fault path. So
 * nothing here needs the retry protocol. Mirrors `virt/kvm/async_pf.c` of Linux 6.8.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Routine, SpinLock, VirtualAddress, WaitQueue, WorkItem, WorkQueue } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';

/** `ASYNC_PF_PER_VCPU`: with so many on their way, a fault waits for its page. */
const MOST = 64;

/** What the guest hears instead of its page: the token that it will hear again. */
export interface PageNotPresent {
  readonly token: number;
}

/** The faults of one vCPU. */
export class AsyncFaults {
  private wanted = false;
  private readonly vm: Vm;
  private readonly name: string;
  /** The two lists. */
  private readonly lock: SpinLock;
  /** Woken when a page has come: the halted vCPU. */
  private readonly readyQueue: WaitQueue;
  private workers: WorkQueue | undefined;
  /** By gfn. @locks lock. */
  private readonly inFlight = new Map<number, WorkItem>();
  /** Tokens that the guest has not heard of again. @locks lock. */
  private ready: number[] = [];
  private nextToken = 1;

  constructor(vm: Vm, owner: string) {
    const { sync } = vm.host;
    this.vm = vm;
    this.name = `${owner}.asyncFaults`;
    this.lock = sync.spinLock(`${this.name}.lock`);
    this.readyQueue = sync.waitQueue(`${this.name}.readyQueue`);
  }

  /** The guest asked for them (`MSR_KVM_ASYNC_PF_EN`). */
  get enabled(): boolean {
    this.vm.state.reads();
    return this.wanted;
  }

  set enabled(wanted: boolean) {
    this.vm.state.changes();
    this.wanted = wanted;
  }

  /**
   * A worker gets the page from now on. `kvm_setup_async_pf`
   *
   * @sleeps Never.
   * @returns the token; `halt` where the page is on its way already; `undefined` where too many are.
   */
  *begin(gfn: number, address: VirtualAddress, write: boolean): Routine<PageNotPresent | 'halt' | undefined> {
    yield* this.lock.acquire();
    let result: PageNotPresent | 'halt' | undefined;
    if (this.inFlight.has(gfn)) {
      result = 'halt';
    } else if (this.inFlight.size < MOST) {
      const token = this.nextToken++;
      this.workers ??= this.vm.host.tasks.workQueue(this.name, 'unbound');
      const item = this.workers.item(`${this.name} ${token}`, () => this.getPage(gfn, address, write, token));
      this.inFlight.set(gfn, item);
      item.queue();
      result = { token };
    }
    this.lock.release();
    const { stats, host } = this.vm;
    if (typeof result === 'object') stats.asyncPageFaults();
    if (host.trace.enabled && result !== undefined)
      host.trace.event(result === 'halt' ? 'kvm_async_pf_doublefault' : 'kvm_async_pf_not_present', { gfn, address });
    return result;
  }

  /** The vCPU is halted until the page has come. @sleeps So long. */
  *waitFor(gfn: number): Routine<void> {
    yield* this.readyQueue.waitUntil(() => !this.inFlight.has(gfn));
  }

  /** What the guest's interrupt handler hears: tokens whose pages have come since it was called last. @sleeps Never. */
  *takeReady(): Routine<readonly number[]> {
    yield* this.lock.acquire();
    const tokens = this.ready;
    this.ready = [];
    this.lock.release();
    return tokens;
  }

  /**
   * Nothing is on its way any more, and nobody hears of what was. `kvm_clear_async_pf_completion_queue`
   *
   * @locks Hold none that a fault takes. @sleeps Until the workers have ended.
   */
  *clear(): Routine<void> {
    this.enabled = false;
    for (const item of this.inFlight.values()) yield* item.cancelSync();
    yield* this.lock.acquire();
    this.inFlight.clear();
    this.ready = [];
    this.lock.release();
    this.readyQueue.wakeAll();
  }

  /** The worker. Whether the page can be had is for the next access to find out. `async_pf_execute` @sleeps May. */
  private *getPage(gfn: number, address: VirtualAddress, write: boolean, token: number): Routine<void> {
    const { mm, host } = this.vm;
    if (host.processes.getNotZero(mm)) {
      const page = yield* host.pages.getUserPage(mm, address, { write, remote: true });
      if (!isErrno(page)) host.pages.putPage(page.pfn);
      yield* host.processes.put(mm);
    }
    yield* this.lock.acquire();
    this.inFlight.delete(gfn);
    this.ready.push(token);
    this.lock.release();
    if (host.trace.enabled) host.trace.event('kvm_async_pf_completed', { gfn, address });
    this.readyQueue.wakeAll();
  }
}
