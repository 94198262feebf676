/**
 * Accesses in a permit's own space: `space` is the apid, `address` an offset in the segment. They go through the segment's
 * translations, as an engine of the node would, with no window in between. `process` is what the process itself sees in
 * what it has attached.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceAccessResult, Errno, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { attachmentAt } from './attachment.ts';
import { fetchPage, pageOf, serves } from './fault.ts';
import { findPermit } from './permit.ts';
import { accessAttached, remoteAttachmentAt } from './remote/attachments.ts';
import { transferRemote } from './remote/permits.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';

type Bytes = Pick<DeviceAccess, 'kind' | 'data'>;

/** @locks None held. @sleeps May. */
export function* accessXpmem(shared: XpmemShared, request: DeviceAccess): Routine<DeviceAccessResult> {
  const { process, space, address, kind, data } = request;
  const group = shared.groups.get(process.name);
  if (group === undefined) return 'EIO';
  if (space === 'process') {
    const far = remoteAttachmentAt(group, address);
    if (far !== undefined) return (yield* accessAttached(far, request)) ?? 'done';
    if (attachmentAt(group, address) === undefined) return 'EFAULT';
    const { userMemory } = shared.host;
    const at = address as VirtualAddress;
    const through = kind === 'load' ? userMemory.read(group.mm, at, data) : userMemory.write(group.mm, at, data);
    return (yield* through) ?? 'done';
  }
  const remote = group.remotePermits.get(Number(space));
  if (remote !== undefined) return (yield* transferRemote(remote, request)) ?? 'done';
  const permit = findPermit(shared, group, Number(space));
  if (isErrno(permit)) return permit;
  const { segment, mode } = permit;
  if (kind === 'store' && mode !== 'rw') return 'EACCES';
  if (!Number.isInteger(address) || address < 0 || address + data.length > segment.size) return 'EFAULT';
  return (yield* transfer(shared, segment, segment.vaddr + address, { kind, data })) ?? 'done';
}

/** A page at a time. @locks Takes segment.lock. @sleeps May. */
export function* transfer(
  shared: XpmemShared,
  segment: Segment,
  address: number,
  { kind, data }: Bytes,
): Routine<Errno | undefined> {
  const { ledger } = shared.host;
  const write = kind === 'store';
  for (let done = 0; done < data.length;) {
    const at = address + done;
    const offset = at % PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - offset, data.length - done);
    yield* segment.lock.acquire();
    const page = segment.table.pages.get(pageOf(at));
    const present = page !== undefined && serves(page, write) && !segment.destroying;
    if (present) ledger[kind](page.entry, offset, length, data, done);
    segment.lock.release();
    if (present) {
      done += length;
      continue;
    }
    const error = yield* fetchPage(shared, segment, pageOf(at), write);
    if (error !== undefined) return error;
  }
  return undefined;
}
