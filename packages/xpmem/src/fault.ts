/**
 * Faults: a page of the source comes into a segment's table, and from there into a window.
 *
 *     fault, the consumer's mmapLock held:    lock; in the table? pte; unlock
 *     else, nothing held:                     readBegin, get the page, lock, readRetry? again : establish; unlock
 *
 * The source's mmapLock is taken only with nothing held, so the two mmapLocks never nest, and no callback is waited for by
 * somebody whom it waits for. Mirrors `xpmem_fault_handler` and `xpmem_ensure_valid_PFN`.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type {
  DeviceFaultResult,
  DeviceWindow,
  Errno,
  Routine,
  UserPage,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import type { Attachment } from './attachment.ts';
import type { PfnTable, SourcePage } from './pfn-table.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import type { Watch } from './watch.ts';

/** @locks mmapLock of the consumer held for reading. Takes segment.lock. @sleeps Never. */
export function* faultAttachment(
  shared: XpmemShared,
  attachment: Attachment,
  window: DeviceWindow,
  address: VirtualAddress,
  write: boolean,
): Routine<DeviceFaultResult> {
  const { permit, vaddr } = attachment;
  const { segment, group } = permit;
  const source = vaddr + (address - window.start);
  yield* segment.lock.acquire();
  attachment.window ??= window;
  const dead = segment.destroying || permit.destroying || group.destroying;
  const page = segment.table.pages.get(source);
  let answer: DeviceFaultResult | undefined;
  if (dead || attachment.failed.delete(source)) answer = 'SIGBUS';
  else if (page !== undefined && serves(page, write)) {
    const { pfn, writable, entry } = page;
    const error = yield* shared.vmas.insertPfn(window, address, { pfn, writable, source: entry });
    answer = error === undefined ? 'installed' : 'SIGBUS';
  }
  segment.lock.release();
  return answer ?? { retryAfter: fetch(shared, attachment, source, write) };
}

function* fetch(shared: XpmemShared, attachment: Attachment, source: number, write: boolean): Routine<void> {
  const { segment } = attachment.permit;
  const error = yield* fetchPage(shared, segment, source, write);
  // A look-up that lost its process is told by the next fault, which finds the segment gone.
  if (error !== undefined) attachment.failed.add(source);
}

/**
 * Makes a page of the source present in a table: the one of this node, or what another node holds.
 *
 * @locks None held. @sleeps May. Errors: `ENOENT` (the segment is going), those of getting the page.
 */
export function* fetchPage(
  shared: XpmemShared,
  segment: Segment,
  source: number,
  write: boolean,
  table: PfnTable = segment.table,
): Routine<Errno | undefined> {
  const { processes } = shared.host;
  const { mm } = segment.owner;
  if (segment.destroying || segment.watch === undefined) return 'ENOENT';
  segment.faults++;
  shared.stats.faults();
  let error: Errno | undefined = 'ENOENT';
  if (processes.getNotZero(mm)) {
    error = yield* lookUp(shared, segment, segment.watch, source, write, table);
    yield* processes.put(mm);
  }
  segment.faults--;
  segment.quiet.wakeAll();
  return error;
}

/** @locks None held. @sleeps May. */
function* lookUp(
  shared: XpmemShared,
  segment: Segment,
  watch: Watch,
  source: number,
  write: boolean,
  table: PfnTable,
): Routine<Errno | undefined> {
  for (;;) {
    yield* segment.owner.fork.wait(segment);
    const seq = yield* watch.readBegin();
    const page = yield* getPage(shared, segment, source, write);
    if (isErrno(page)) return page;
    yield* segment.lock.acquire();
    const lost = rules.lost(watch, seq) || rules.held(segment);
    const use = !lost && !segment.destroying;
    if (use) yield* table.establish(source, rules.asked(page, write || shared.config.coherence !== 'recall'));
    segment.lock.release();
    if (!use || shared.config.coherence === 'recall') putPage(shared, page);
    if (use) return undefined;
    if (segment.destroying) return 'ENOENT';
    shared.stats.fault_retries();
  }
}

/**
 * A page that is pinned for long has to be the one that the source goes on writing to, so that flavour asks to write
 * wherever the source may.
 */
function* getPage(shared: XpmemShared, segment: Segment, source: number, write: boolean): Routine<UserPage | Errno> {
  const { pages } = shared.host;
  const { mm } = segment.owner;
  const at = source as VirtualAddress;
  if (shared.config.coherence === 'recall') return yield* pages.getUserPage(mm, at, { write, remote: true });
  let page = yield* pages.pinUserPage(mm, at, { write: true, remote: true });
  if (page === 'EFAULT' && !write) page = yield* pages.pinUserPage(mm, at, { remote: true });
  if (!isErrno(page)) shared.stats.pages_pinned();
  return page;
}

function putPage({ config, host, stats }: XpmemShared, { pfn }: UserPage): void {
  if (config.coherence === 'recall') return host.pages.putPage(pfn);
  host.pages.unpinPage(pfn);
  stats.pages_unpinned();
}

export function serves({ writable }: SourcePage, write: boolean): boolean {
  return !write || writable;
}

/** The page of the source that holds an address. */
export function pageOf(address: number): number {
  return address - (address % PAGE_SIZE);
}

/** Twins change it. */
export const rules: {
  lost: (watch: Watch, seq: number) => boolean;
  held: (segment: Segment) => boolean;
  asked: (page: UserPage, write: boolean) => UserPage;
} = {
  lost: (watch, seq) => watch.readRetry(seq),
  held: ({ owner }) => owner.fork.forks > 0,
  /** Looking a page up to write it marks it dirty; of one that was looked up to read, a store would be lost in reclaim. */
  asked: (page, write) => ({ ...page, writable: page.writable && write }),
};
