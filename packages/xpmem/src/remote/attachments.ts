/**
 * Attachments of another node's segment: addresses of a process behind which there are no frames here. Its CPU gets SIGBUS;
 * the device reaches through them, by messages, as a copy engine does on memory of a foreign partition.
 */
import { PAGE_SIZE, TASK_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceWindow, Errno, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { XpmemShared } from '../shared.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { type RemotePermit, transferRemote } from './permits.ts';

export interface RemoteAttachment {
  readonly permit: RemotePermit;
  /** Of the first page, in the segment. */
  readonly offset: number;
  readonly window: DeviceWindow;
}

/**
 * `xpmem_attach` of a remote permit. How large the segment is only its node knows: beyond its end accesses answer `EFAULT`.
 *
 * @locks None held. @sleeps May. Errors: `EINVAL`, `EACCES`, `ENOENT`, those of mapping.
 */
export function* attachRemote(
  shared: XpmemShared,
  group: ThreadGroup,
  permit: RemotePermit,
  offset: number,
  length: number,
  at?: number,
): Routine<number | Errno> {
  if (at !== undefined && !(at > 0 && at % PAGE_SIZE === 0)) return 'EINVAL';
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length <= 0) return 'EINVAL';
  if (permit.mode !== 'rw') return 'EACCES';
  const inPage = offset % PAGE_SIZE;
  const size = Math.ceil((inPage + length) / PAGE_SIZE) * PAGE_SIZE;
  if (at !== undefined && (at + size > TASK_SIZE || isTaken(group, at, size))) return 'EINVAL';
  const made: RemoteAttachment[] = [];
  const window = yield* shared.vmas.map(
    {
      mm: group.mm,
      name: '/dev/xpmem',
      length: size,
      access: 'read-write',
      ...(at === undefined ? {} : { address: at as VirtualAddress }),
    },
    {
      *fault() {
        return 'SIGBUS';
      },
      *close() {
        for (const attachment of made) if (group.remoteAttachments.delete(attachment)) shared.stats.detached();
      },
    },
  );
  if (isErrno(window)) return window;
  const attachment = { permit, offset: offset - inPage, window };
  made.push(attachment);
  group.remoteAttachments.add(attachment);
  shared.stats.attached();
  if (group.destroying || !group.remotePermits.has(permit.apid)) {
    yield* shared.vmas.unmap(window);
    return 'ENOENT';
  }
  return window.start + inPage;
}

export function remoteAttachmentAt(group: ThreadGroup, address: number): RemoteAttachment | undefined {
  for (const attachment of group.remoteAttachments) {
    const { start, end, mapped } = attachment.window;
    if (mapped && start <= address && address < end) return attachment;
  }
  return undefined;
}

/** By an address of the process. @sleeps May. Errors: `EFAULT` behind the window's end, and those of the other node. */
export function* accessAttached(
  { permit, offset, window }: RemoteAttachment,
  { address, kind, data }: Pick<DeviceAccess, 'address' | 'kind' | 'data'>,
): Routine<Errno | undefined> {
  if (address + data.length > window.end) return 'EFAULT';
  return yield* transferRemote(permit, { address: offset + (address - window.start), kind, data });
}

/** Those of one permit, or all. @locks None held; takes mmapLock of the process. @sleeps May. */
export function* detachRemote(shared: XpmemShared, group: ThreadGroup, permit?: RemotePermit): Routine<void> {
  for (const attachment of [...group.remoteAttachments])
    if (permit === undefined || attachment.permit === permit) yield* shared.vmas.unmap(attachment.window);
}

function isTaken(group: ThreadGroup, at: number, size: number): boolean {
  const windows = [...group.permits.values()].flatMap(({ attachments }) =>
    [...attachments].map(({ window }) => window),
  );
  for (const { window } of group.remoteAttachments) windows.push(window);
  return windows.some((window) => window?.mapped === true && at < window.end && window.start < at + size);
}
