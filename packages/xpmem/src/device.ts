/** The device: `/dev/xpmem` with the processes that have opened it. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type {
  Device,
  DeviceAccess,
  DeviceAccessResult,
  DeviceAction,
  DeviceReach,
  DeviceViolation,
  Errno,
  LinkListener,
  ProcessHandle,
  Routine,
  TranslationView,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import { accessXpmem } from './access.ts';
import { xpmemActions } from './actions.ts';
import { brokenInvariants } from './invariants.ts';
import { checkCredentials } from './options.ts';
import type { XpmemCredentials } from './options.ts';
import { type RemoteAccess, transferList } from './remote/permits.ts';
import { getPermit } from './permit.ts';
import { makeSegment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import { closeGroup, openGroup } from './thread-group.ts';

/** What `attach` answers. @public */
export interface XpmemNode extends Device {
  /**
   * Accesses one after the other by a permit of another node's segment, many in one message.
   *
   * @returns how many were made, and why not the next one. @sleeps May. Errors: `ENOENT`, and those of `access`.
   */
  accessList(
    process: ProcessHandle,
    apid: number,
    accesses: readonly RemoteAccess[],
  ): Routine<{ readonly done: number; readonly error: Errno | undefined }>;
  /** Pages of other nodes that may be used here now, and for how long still, in nanoseconds. */
  remoteState(): { readonly pages: number; readonly leaseNs: number };
}

export class XpmemDevice implements XpmemNode {
  readonly actions: Readonly<Record<string, DeviceAction>>;
  private readonly shared: XpmemShared;
  private readonly listener: LinkListener | undefined;
  private detached = false;

  constructor(shared: XpmemShared, listener?: LinkListener) {
    this.shared = shared;
    this.listener = listener;
    this.actions = xpmemActions(shared);
  }

  /**
   * The process may make segments, and get those of others. A group whose process has exited makes room.
   *
   * @sleeps May. Errors: `ENODEV`, `ESRCH`, `EEXIST`, `EINTR` and `ENOMEM` of registering.
   */
  *open(process: ProcessHandle, options?: unknown): Routine<Errno | undefined> {
    if (this.detached) return 'ENODEV';
    const credentials = checkCredentials((options ?? {}) as XpmemCredentials);
    const before = this.shared.groups.get(process.name);
    if (before?.destroying) yield* closeGroup(this.shared, before);
    const group = yield* openGroup(this.shared, process, credentials);
    if (isErrno(group)) return group;
    if (!this.detached) return undefined;
    yield* closeGroup(this.shared, group);
    return 'ENODEV';
  }

  /** A segment of the process, and a permit of its own for it: what accesses name by the apid. */
  *reach(process: ProcessHandle, start: VirtualAddress, length: number): Routine<DeviceReach | Errno> {
    const group = this.shared.groups.get(process.name);
    if (group === undefined) return 'ESRCH';
    const segment = yield* makeSegment(this.shared, group, start, length, 0o600);
    if (isErrno(segment)) return segment;
    const permit = getPermit(this.shared, group, segment.segid, 'rw');
    return isErrno(permit) ? permit : { space: String(permit.apid), address: 0 };
  }

  /** @sleeps May. */
  access(request: DeviceAccess): Routine<DeviceAccessResult> {
    return accessXpmem(this.shared, request);
  }

  /**
   * Accesses one after the other by a permit of another node's segment, many in one message.
   *
   * @returns how many were made, and why not the next one. @sleeps May. Errors: `ENOENT`, and those of `access`.
   */
  *accessList(
    process: ProcessHandle,
    apid: number,
    accesses: readonly RemoteAccess[],
  ): Routine<{ readonly done: number; readonly error: Errno | undefined }> {
    const permit = this.shared.groups.get(process.name)?.remotePermits.get(apid);
    return permit === undefined ? { done: 0, error: 'ENOENT' } : yield* transferList(permit, accesses);
  }

  remoteState(): { readonly pages: number; readonly leaseNs: number } {
    let pages = 0;
    let leaseNs = 0;
    for (const node of this.shared.nodes.values()) {
      const left = node.leaseUntil - this.shared.host.tasks.now();
      if (left <= 0) continue;
      leaseNs = Math.max(leaseNs, left);
      for (const held of node.translations.values()) pages += held.size;
    }
    return { pages, leaseNs };
  }

  /** @sleeps May. */
  *close(process: ProcessHandle): Routine<void> {
    const group = this.shared.groups.get(process.name);
    if (group !== undefined) yield* closeGroup(this.shared, group);
  }

  *detach(): Routine<void> {
    this.detached = true;
    this.listener?.close();
    for (const node of this.shared.nodes.values()) node.close();
    for (const group of [...this.shared.groups.values()]) yield* closeGroup(this.shared, group);
    yield* this.shared.work.flush();
  }

  *translations(): Iterable<TranslationView> {
    const live = [...this.shared.groups.values()].flatMap(({ segments }) => [...segments]);
    for (const { owner, table, holders } of live) {
      for (const { pages } of [table, ...[...holders.values()].map((holder) => holder.table)]) {
        for (const [address, { pfn, writable }] of pages)
          yield { mm: owner.mm, address: address as VirtualAddress, deviceAddress: address, pfn, writable };
      }
    }
  }

  invariants(): Iterable<DeviceViolation> {
    return brokenInvariants(this.shared);
  }
}
