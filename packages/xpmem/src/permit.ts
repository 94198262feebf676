/** Access permits: the right of one thread group to attach a segment. Checked as System V IPC does. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Attachment } from './attachment.ts';
import { detach } from './attachment.ts';
import { isId } from './ids.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import type { ThreadGroup } from './thread-group.ts';

export type PermitMode = 'ro' | 'rw';

export interface AccessPermit {
  readonly apid: number;
  readonly mode: PermitMode;
  readonly segment: Segment;
  readonly group: ThreadGroup;
  readonly attachments: Set<Attachment>;
  destroying: boolean;
}

/** `xpmem_get`. @sleeps Never. Errors: `EINVAL`, `ENOENT`, `EACCES`, `EBUSY`. */
export function getPermit(shared: XpmemShared, group: ThreadGroup, segid: number, mode: string): AccessPermit | Errno {
  if (!isId(segid) || (mode !== 'ro' && mode !== 'rw')) return 'EINVAL';
  const segment = shared.segments.get(segid);
  if (segment === undefined || segment.owner.destroying || group.destroying) return 'ENOENT';
  if (!permits(segment, group, mode)) return 'EACCES';
  const apid = group.apids.next();
  if (isErrno(apid)) return apid;
  const permit: AccessPermit = { apid, mode, segment, group, attachments: new Set(), destroying: false };
  shared.state.changes();
  group.permits.set(apid, permit);
  segment.permits.add(permit);
  shared.stats.permits_got();
  return permit;
}

/** `xpmem_release`: detaches what was attached by it. @locks None. @sleeps May. */
export function* releasePermit(shared: XpmemShared, permit: AccessPermit): Routine<void> {
  shared.state.changes();
  if (!permit.group.permits.delete(permit.apid)) return;
  permit.destroying = true;
  for (const attachment of [...permit.attachments]) yield* detach(shared, attachment);
  shared.state.changes();
  permit.segment.permits.delete(permit);
  shared.stats.permits_released();
}

/** The group's permit of that id. Errors: `EINVAL`, `ENOENT`, `EACCES` (another group's). */
export function findPermit(shared: XpmemShared, group: ThreadGroup, apid: number): AccessPermit | Errno {
  if (!isId(apid)) return 'EINVAL';
  shared.state.reads();
  const permit = group.permits.get(apid);
  if (permit !== undefined) return permit;
  const others = [...shared.groups.values()].some(({ permits }) => permits.has(apid));
  return others ? 'EACCES' : 'ENOENT';
}

/** `ipcperms`: the owner's bits, else the group's, else those of the rest. */
function permits({ mode: bits, owner }: Segment, { credentials }: ThreadGroup, mode: PermitMode): boolean {
  if (credentials.ipcOwner) return true;
  const wanted = mode === 'rw' ? 0o6 : 0o4;
  const shift = credentials.uid === owner.credentials.uid ? 6 : credentials.gid === owner.credentials.gid ? 3 : 0;
  return ((bits >> shift) & wanted) === wanted;
}
