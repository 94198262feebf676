/** Permits of segments that are at home on another node. They are used by `load` and `store`; there is no window on them. */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, Errno, Routine } from '@mmu-notifier/plugin-api';
import { isId } from '../ids.ts';
import type { XpmemShared } from '../shared.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { AwayNode } from './away.ts';

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
