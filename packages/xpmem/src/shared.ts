/** What all of one device shares. */
import type { DeviceVmaService, PluginHost, SharedState, WorkQueue } from '@mmu-notifier/plugin-api';
import type { XpmemConfig } from './options.ts';
import type { AwayNode } from './remote/away.ts';
import type { Segment } from './segment.ts';
import type { XpmemStats } from './stats.ts';
import type { ThreadGroup } from './thread-group.ts';

export interface XpmemShared {
  readonly host: PluginHost;
  readonly vmas: DeviceVmaService;
  readonly config: XpmemConfig;
  readonly stats: XpmemStats;
  /** Who and what there is, as tasks look it up without a lock in common: the maps here, and in groups and segments. */
  readonly state: SharedState;
  /** By the name of the process. */
  readonly groups: Map<string, ThreadGroup>;
  /** By segid; one that is being removed is not there. */
  readonly segments: Map<number, Segment>;
  /** Nodes whose segments are used here, by endpoint. */
  readonly nodes: Map<string, AwayNode>;
  /** What callbacks leave to be done without their callers' locks. */
  readonly work: WorkQueue;
  /** Thread groups so far: their ids. */
  tgids: number;
}

/** A peer has sent what is no message of this protocol: it is dropped, and counted. */
export function badMessage({ host, stats }: XpmemShared, peer: string): void {
  stats.bad_messages();
  if (host.trace.enabled) host.trace.event('xpmem_bad_message', { peer });
}
