/** From the process's address to a page with a reference, as a fault needs it. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, GetPageOptions, Routine, UserPage, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { AsyncFaults, PageNotPresent } from './async-pf.ts';
import type { Vm } from './vm.ts';

/** A pin that is held for long must be of the page that the process will go on writing to. */
export const FOR_LOAD: GetPageOptions = { interruptible: true, longterm: true };
export const FOR_STORE: GetPageOptions = { write: true, interruptible: true };

/**
 * As `getPage`; but where the page would have to be read in and the guest takes asynchronous faults, a worker gets it.
 *
 * @param asyncFaults - The vCPU's, `undefined` where nobody could be told.
 * @returns also: what the guest hears; `halt` where the page is on its way already.
 */
export function* getPageOrQueue(
  vm: Vm,
  gfn: number,
  address: VirtualAddress,
  access: 'load' | 'store',
  asyncFaults: AsyncFaults | undefined,
): Routine<UserPage | Errno | PageNotPresent | 'halt'> {
  if (asyncFaults?.enabled !== true || vm.shared.coherence === 'pinned') return yield* getPage(vm, address, access);
  const page = yield* getPage(vm, address, access, 'no I/O');
  if (page !== 'EAGAIN') return page;
  return (yield* asyncFaults.begin(gfn, address, access === 'store')) ?? (yield* getPage(vm, address, access));
}

/** hva to pfn, with a reference. @locks None that a callback takes. @sleeps May. `hva_to_pfn` */
function* getPage(
  vm: Vm,
  address: VirtualAddress,
  access: 'load' | 'store',
  within: 'any time' | 'no I/O' = 'any time',
): Routine<UserPage | Errno> {
  const { pages, sync, frames } = vm.host;
  const wanted = access === 'store' ? FOR_STORE : FOR_LOAD;
  const options = within === 'no I/O' ? { ...wanted, nowait: true } : wanted;
  let page: UserPage | Errno | undefined;
  if (vm.shared.coherence === 'pinned') {
    page = yield* pages.pinUserPage(vm.mm, address, options);
  } else {
    yield* sync.preempt('kvm: get user page', 'declared');
    // The fast way looks for a page that may be written, also for a load: what may only be read is the slow way's.
    page = pages.getUserPageFast(vm.mm, address, FOR_STORE);
    if (page === undefined) page = yield* pages.getUserPage(vm.mm, address, options);
  }
  if (isErrno(page) || !frames.isPoisoned(page.pfn)) return page;
  dropReference(vm, page);
  return 'EHWPOISON';
}

/** The one that `getPage` took. */
export function dropReference(vm: Vm, page: UserPage): void {
  if (vm.shared.coherence === 'pinned') vm.host.pages.unpinPage(page.pfn);
  else vm.host.pages.putPage(page.pfn);
}
