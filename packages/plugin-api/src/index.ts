/**
 * The contract between a machine that models Linux virtual memory and the drivers of secondary MMUs.
 * @packageDocumentation
 */
export { API_VERSION, checkApiRange } from './version.ts';
export type { ApiMismatch } from './version.ts';
export { isErrno } from './errno.ts';
export type { Errno } from './errno.ts';
export type { PreemptionPoint, Routine } from './routine.ts';
export { PAGE_SIZE, TASK_SIZE, gfn, pfn, virtualAddress } from './units.ts';
export type { Gfn, PageSize, Pfn, VirtualAddress } from './units.ts';
export { PLUGIN_BRAND, definePlugin, isPlugin } from './plugin.ts';
export type { Capability, PluginTraits, SecondaryMmuPlugin } from './plugin.ts';
export type {
  Device,
  DeviceAccess,
  DeviceAccessResult,
  DeviceAction,
  DeviceReach,
  DeviceViolation,
  TranslationView,
} from './device.ts';
export type { HostWorld, PluginHost } from './host.ts';
export type { MmuNotifierOps, NotifierEvent, NotifierRange } from './notifier.ts';
export type {
  IntervalFinish,
  IntervalNotifierService,
  IntervalOps,
  IntervalSubscription,
  NotifierService,
  NotifierSubscription,
} from './services/notifiers.ts';
export type {
  DeviceFaultResult,
  DevicePage,
  DeviceVmaService,
  DeviceWindow,
  DeviceWindowOps,
  DeviceWindowRequest,
} from './services/device-vmas.ts';
export type { MmHandle, ProcessHandle, ProcessService, VmaService, VmaView } from './services/processes.ts';
export type {
  FrameService,
  GetPageOptions,
  LedgerEntry,
  LedgerService,
  PageService,
  RangeFault,
  RangePage,
  Translation,
  UserPage,
} from './services/memory.ts';
export type {
  Atomic,
  Completion,
  Mutex,
  RwLock,
  RwSemaphore,
  SeqCount,
  SharedState,
  SpinLock,
  Srcu,
  SyncService,
  WaitQueue,
} from './services/sync.ts';
export type {
  Link,
  LinkEnd,
  LinkListener,
  LinkService,
  LinkTransport,
  TransportLink,
  TransportListener,
} from './services/links.ts';
export type {
  InterruptService,
  InterruptTimer,
  Outcome,
  StatsService,
  TaskHandle,
  TaskService,
  TraceService,
  WorkItem,
  WorkQueue,
} from './services/tasks.ts';
export type { UserMemoryService } from './services/user-memory.ts';
