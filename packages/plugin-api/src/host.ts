/** What a plugin is handed when it attaches: services by name, and nothing else. */
import type { Capability } from './plugin.ts';
import type { DeviceVmaService } from './services/device-vmas.ts';
import type { FrameService, LedgerService, PageService } from './services/memory.ts';
import type { LinkService } from './services/links.ts';
import type { IntervalNotifierService, NotifierService } from './services/notifiers.ts';
import type { ProcessService, VmaService } from './services/processes.ts';
import type { SyncService } from './services/sync.ts';
import type { InterruptService, StatsService, TaskService, TraceService } from './services/tasks.ts';
import type { UserMemoryService } from './services/user-memory.ts';

/** Options of a machine that change what a driver may do. @public */
export interface HostWorld {
  /** Off: the 2008 world, where no callback may sleep. */
  readonly sleepableNotifiers: boolean;
}

/** The services of one machine for one device. @public */
export interface PluginHost {
  /** The contract's version. */
  readonly apiVersion: string;
  readonly world: HostWorld;
  /** The name that the user gave the device. */
  readonly deviceName: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly notifiers: NotifierService;
  readonly pages: PageService;
  readonly processes: ProcessService;
  readonly vmas: VmaService;
  readonly userMemory: UserMemoryService;
  readonly frames: FrameService;
  readonly ledger: LedgerService;
  readonly sync: SyncService;
  readonly tasks: TaskService;
  readonly stats: StatsService;
  readonly trace: TraceService;
  /** A number below `count` that the strategy picks; direct mode answers 0, "nothing goes wrong". */
  choose(count: number, what: string): number;
  /** Present where `capabilities` has `interval-notifiers`. */
  readonly intervals?: IntervalNotifierService;
  /** Present where `capabilities` has `device-vmas`. */
  readonly deviceVmas?: DeviceVmaService;
  /** Present where `capabilities` has `links`. */
  readonly links?: LinkService;
  /** Reserved: range faults into a snapshot (`hmm_range_fault`). */
  readonly rangeFaults?: unknown;
  /** Present where `capabilities` has `interrupts`. */
  readonly interrupts?: InterruptService;
  /** Reserved: an IOMMU's view. */
  readonly dma?: unknown;
  /** Reserved: device-private frames, migration to and from them. */
  readonly deviceMemory?: unknown;
}
