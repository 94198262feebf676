/** Attachments: a part of a segment as a window of the process that attached it. */
import { PAGE_SIZE, TASK_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceWindow, DeviceVmaService, Errno, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { faultAttachment } from './fault.ts';
import type { AccessPermit } from './permit.ts';
import type { XpmemShared } from './shared.ts';
import type { ThreadGroup } from './thread-group.ts';

export class Attachment {
  readonly permit: AccessPermit;
  /** Where it begins in the source, page aligned. */
  readonly vaddr: number;
  readonly size: number;
  /** Set by `map`, or by a fault that comes before `map` has returned. */
  window: DeviceWindow | undefined;
  /** Pages that the last look-up could not get: the fault that asks next is told. */
  readonly failed: Set<number> = new Set();
  private readonly vmas: DeviceVmaService;

  constructor(vmas: DeviceVmaService, permit: AccessPermit, vaddr: number, size: number) {
    this.vmas = vmas;
    this.permit = permit;
    this.vaddr = vaddr;
    this.size = size;
  }

  /** No CPU reaches `[start, end)` of the source through it. @locks segment.lock. @sleeps Never. */
  *zap(start: number, end: number): Routine<void> {
    const { window, vaddr, size } = this;
    const from = Math.max(start, vaddr);
    const to = Math.min(end, vaddr + size);
    if (window === undefined || from >= to) return;
    const at = (source: number): VirtualAddress => (window.start + (source - vaddr)) as VirtualAddress;
    yield* this.vmas.zap(window, at(from), at(to));
  }
}

/**
 * `xpmem_attach`: maps `size` bytes from `offset` of the segment on, at `at` or where there is room.
 *
 * @returns the address of the first byte.
 * @locks None held. @sleeps May. Errors: `EINVAL`, `EACCES`, `ENOENT`, those of mapping.
 */
export function* attach(
  shared: XpmemShared,
  permit: AccessPermit,
  offset: number,
  length: number,
  at?: number,
): Routine<number | Errno> {
  const { group, segment } = permit;
  if (at !== undefined && !(Number.isInteger(at) && at > 0 && at % PAGE_SIZE === 0)) return 'EINVAL';
  if (!Number.isInteger(offset) || offset < 0 || !Number.isInteger(length) || length <= 0) return 'EINVAL';
  if (offset + length > segment.size) return 'EINVAL';
  if (permit.destroying || segment.destroying || group.destroying) return 'ENOENT';
  // Every access faults for writing, so who may only read may not attach.
  if (permit.mode !== 'rw') return 'EACCES';
  const inPage = offset % PAGE_SIZE;
  const size = Math.ceil((inPage + length) / PAGE_SIZE) * PAGE_SIZE;
  if (at !== undefined && (at + size > TASK_SIZE || overlaps(permit, at, size))) return 'EINVAL';
  const attachment = new Attachment(shared.vmas, permit, segment.vaddr + offset - inPage, size);
  permit.attachments.add(attachment);
  yield* segment.lock.acquire();
  segment.table.attachments.add(attachment);
  segment.lock.release();
  const window = yield* shared.vmas.map(
    {
      mm: group.mm,
      name: '/dev/xpmem',
      length: size,
      access: 'read-write',
      ...(at === undefined ? {} : { address: at as VirtualAddress }),
    },
    {
      fault: (mapped, address, write) => faultAttachment(shared, attachment, mapped, address, write),
      close: () => forget(shared, attachment),
    },
  );
  if (isErrno(window)) {
    yield* forget(shared, attachment);
    return window;
  }
  attachment.window = window;
  shared.stats.attached();
  if (permit.destroying || group.destroying) {
    yield* detach(shared, attachment);
    return 'ENOENT';
  }
  return window.start + inPage;
}

/** `xpmem_detach`. @locks None held; takes mmapLock of the window's mm. @sleeps May. */
export function* detach(shared: XpmemShared, attachment: Attachment): Routine<void> {
  const { window } = attachment;
  if (window === undefined) return;
  yield* shared.vmas.unmap(window);
}

/** `detach` by address. @sleeps May. Errors: `EINVAL` (something else is mapped there). */
export function* detachAt(shared: XpmemShared, group: ThreadGroup, address: number): Routine<Errno | undefined> {
  const attachment = attachmentAt(group, address);
  if (attachment !== undefined) {
    yield* detach(shared, attachment);
    return undefined;
  }
  const { processes, vmas } = shared.host;
  if (!processes.getNotZero(group.mm)) return undefined;
  yield* processes.mmapReadLock(group.mm);
  const other = vmas.find(group.mm, address as VirtualAddress);
  processes.mmapReadUnlock(group.mm);
  yield* processes.put(group.mm);
  return other === undefined ? undefined : 'EINVAL';
}

export function attachmentAt(group: ThreadGroup, address: number): Attachment | undefined {
  for (const { attachments } of group.permits.values()) {
    for (const attachment of attachments) {
      const { window } = attachment;
      if (window !== undefined && window.start <= address && address < window.end) return attachment;
    }
  }
  return undefined;
}

/** The last part of the window is gone, by whoever. @sleeps Never. */
function* forget(shared: XpmemShared, attachment: Attachment): Routine<void> {
  const { permit } = attachment;
  const { segment } = permit;
  yield* segment.lock.acquire();
  segment.table.attachments.delete(attachment);
  segment.lock.release();
  permit.attachments.delete(attachment);
  if (attachment.window !== undefined) shared.stats.detached();
}

/** Over another attachment, or over the source itself. */
function overlaps({ group, segment }: AccessPermit, at: number, size: number): boolean {
  if (group === segment.owner && at < segment.end && segment.vaddr < at + size) return true;
  return [...group.permits.values()].some(({ attachments }) =>
    [...attachments].some(({ window }) => window?.mapped === true && at < window.end && window.start < at + size),
  );
}
