/** Permits of segments that are at home on another node. They are used by `load` and `store`; there is no window on them. */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, Errno, Routine } from '@mmu-notifier/plugin-api';
import { isId } from '../ids.ts';
import type { XpmemShared } from '../shared.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { AwayNode } from './away.ts';
import type { ListedAccess } from './list.ts';

export interface RemotePermit {
  readonly apid: number;
  readonly node: AwayNode;
  readonly segid: number;
  readonly mode: 'ro' | 'rw';
}

/** @sleeps May. Errors: as `getPermit`, and those of connecting. */
export function* getRemotePermit(
  shared: XpmemShared,
  group: ThreadGroup,
  endpoint: string,
  segid: number,
  mode: string,
): Routine<RemotePermit | Errno> {
  if (!isId(segid) || (mode !== 'ro' && mode !== 'rw')) return 'EINVAL';
  let node = shared.nodes.get(endpoint);
  if (node === undefined) shared.nodes.set(endpoint, (node = new AwayNode(shared, endpoint)));
  const error = yield* node.get(segid, mode);
  if (error !== undefined) return error;
  if (group.destroying) return 'ENOENT';
  const apid = group.apids.next();
  if (isErrno(apid)) return apid;
  const permit = { apid, node, segid, mode } as const;
  group.remotePermits.set(apid, permit);
  shared.stats.permits_got();
  return permit;
}

/** A page at a time. @locks None held. @sleeps May. */
export function* transferRemote(
  permit: RemotePermit,
  { address, kind, data }: Pick<DeviceAccess, 'address' | 'kind' | 'data'>,
): Routine<Errno | undefined> {
  if (kind === 'store' && permit.mode !== 'rw') return 'EACCES';
  if (!Number.isSafeInteger(address) || address < 0 || address >= 2 ** 44) return 'EFAULT';
  for (let done = 0; done < data.length;) {
    const at = address + done;
    const part = data.subarray(done, done + PAGE_SIZE - (at % PAGE_SIZE));
    const error = yield* permit.node.access(permit, kind, at, part);
    if (error !== undefined) return error;
    done += part.length;
  }
  return undefined;
}

/** One load or store of a list: bytes of the segment from `address` on, which may cross pages. @public */
export interface RemoteAccess {
  readonly address: number;
  readonly kind: 'load' | 'store';
  /** Filled by a load. */
  readonly data: Uint8Array;
}

/** @locks None held. @returns how many were made, and why not the next one. @sleeps May. */
export function* transferList(
  permit: RemotePermit,
  accesses: readonly RemoteAccess[],
): Routine<{ readonly done: number; readonly error: Errno | undefined }> {
  const parts: ListedAccess[] = [];
  /** Number of parts of the accesses up to each. */
  const ends: number[] = [];
  for (const { address, kind, data } of accesses) {
    if (!Number.isSafeInteger(address) || address < 0 || (kind === 'store' && permit.mode !== 'rw')) break;
    for (let at = 0; at < data.length;) {
      const offset = (address + at) % PAGE_SIZE;
      const part = data.subarray(at, at + PAGE_SIZE - offset);
      parts.push({ page: Math.floor((address + at) / PAGE_SIZE), offset, kind, data: part });
      at += part.length;
    }
    ends.push(parts.length);
  }
  const { done, error } = yield* permit.node.list(permit, parts);
  const made = ends.filter((end) => end <= done).length;
  if (made < ends.length || made === accesses.length) return { done: made, error };
  return { done: made, error: permit.mode === 'rw' ? 'EFAULT' : 'EACCES' };
}
