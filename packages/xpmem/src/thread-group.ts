/**
 * A process that has opened the device: what it made and what it got. No reference on its address space is held; `release`
 * says when that goes.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type {
  Errno,
  MmHandle,
  Mutex,
  NotifierSubscription,
  ProcessHandle,
  Routine,
  SharedState,
} from '@mmu-notifier/plugin-api';
import { ForkHold } from './fork.ts';
import { IdSource } from './ids.ts';
import type { XpmemCredentials } from './options.ts';
import { releasePermit } from './permit.ts';
import type { AccessPermit } from './permit.ts';
import { type RemoteAttachment, detachRemote } from './remote/attachments.ts';
import type { RemotePermit } from './remote/permits.ts';
import { removeSegment, revoke } from './segment.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import { OpenRanges, chainOps } from './watch.ts';

export class ThreadGroup {
  readonly name: string;
  readonly mm: MmHandle;
  readonly credentials: Required<XpmemCredentials>;
  readonly segids: IdSource;
  readonly apids: IdSource;
  readonly segments: Set<Segment> = new Set();
  readonly permits: Map<number, AccessPermit> = new Map();
  /** Permits of segments of other nodes. */
  readonly remotePermits: Map<number, RemotePermit> = new Map();
  readonly remoteAttachments: Set<RemoteAttachment> = new Set();
  readonly ranges: OpenRanges;
  readonly fork: ForkHold;
  /** Teardowns of exit and of close, one after the other. */
  readonly teardown: Mutex;
  subscription: NotifierSubscription | undefined;
  private going = false;
  private readonly state: SharedState;

  constructor(shared: XpmemShared, name: string, mm: MmHandle, credentials: Required<XpmemCredentials>) {
    const tgid = ++shared.tgids;
    this.state = shared.state;
    this.name = name;
    this.mm = mm;
    this.credentials = credentials;
    this.segids = new IdSource(tgid);
    this.apids = new IdSource(tgid);
    const { sync } = shared.host;
    this.ranges = new OpenRanges(
      sync.waitQueue(`xpmem open ranges of ${name}`),
      sync.sharedState(`xpmem open ranges of ${name}`),
    );
    this.fork = new ForkHold(shared.host.sync.waitQueue(`xpmem forks of ${name}`));
    this.teardown = shared.host.sync.mutex('xpmem teardown');
  }

  get destroying(): boolean {
    this.state.reads();
    return this.going;
  }

  set destroying(destroying: boolean) {
    this.state.changes();
    this.going = destroying;
  }
}

/** @locks None of core's. @sleeps May. Errors: `ESRCH`, `EEXIST`, those of registering. */
export function* openGroup(
  shared: XpmemShared,
  { name, mm }: ProcessHandle,
  credentials: Required<XpmemCredentials>,
): Routine<ThreadGroup | Errno> {
  const { notifiers, processes } = shared.host;
  if (shared.groups.has(name)) return 'EEXIST';
  if (mm === undefined || !processes.getNotZero(mm)) return 'ESRCH';
  const group = new ThreadGroup(shared, name, mm, credentials);
  const rest = shared.work.item(`xpmem teardown of ${name}`, () => tearDown(shared, group));
  const subscription = yield* notifiers.register(mm, {
    ...chainOps(shared, group.ranges, group.segments),
    release: () => release(shared, group, () => void rest.queue()),
  });
  yield* processes.put(mm);
  if (isErrno(subscription)) return subscription;
  group.subscription = subscription;
  // Published when it is complete.
  shared.state.changes();
  shared.groups.set(name, group);
  return group;
}

/** @locks None that a callback takes. @sleeps May. */
export function* closeGroup(shared: XpmemShared, group: ThreadGroup): Routine<void> {
  if (shared.groups.get(group.name) !== group) return;
  shared.state.changes();
  shared.groups.delete(group.name);
  yield* tearDown(shared, group);
  // Only here: a callback that left the chain would wait for itself.
  if (group.subscription !== undefined) yield* shared.host.notifiers.unregister(group.subscription);
}

/** The address space is going: nobody reaches it. The rest needs locks, and is left to a worker. @sleeps May. */
function* release(shared: XpmemShared, group: ThreadGroup, later: () => void): Routine<void> {
  group.destroying = true;
  for (const segment of [...group.segments]) yield* revoke(shared, segment);
  later();
}

/** @locks None held. @sleeps May. */
function* tearDown(shared: XpmemShared, group: ThreadGroup): Routine<void> {
  group.destroying = true;
  yield* group.teardown.acquire();
  group.remotePermits.clear();
  yield* detachRemote(shared, group);
  for (const permit of [...group.permits.values()]) yield* releasePermit(shared, permit);
  for (const segment of [...group.segments]) yield* removeSegment(shared, segment);
  group.teardown.release();
}
