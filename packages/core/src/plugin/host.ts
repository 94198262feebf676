/** The services that one device is handed: the rooms of the kernel behind the names of the contract. */
import { API_VERSION } from '@mmu-notifier/plugin-api';
import type {
  Capability,
  HostWorld,
  IntervalNotifierService,
  NotifierService,
  PluginHost,
  ProcessHandle,
  ProcessService,
  TraceService,
} from '@mmu-notifier/plugin-api';
import type { Cpus } from '../cpu/access.ts';
import type { Kernel } from '../kernel.ts';
import type { DeviceLinks } from '../links/link-backend.ts';
import { putMm } from '../mm/exit.ts';
import {
  checkRetry,
  insertInterval,
  readBegin,
  readRetry,
  removeInterval,
  setSeq,
} from '../notifier/interval-driver.ts';
import type { IntervalNode } from '../notifier/intervals.ts';
import { getNotifier, putNotifier, register, unregister } from '../notifier/register.ts';
import type { Subscription } from '../notifier/subscriptions.ts';
import { type ProcessStruct, asProcess } from '../process/process.ts';
import { NOTHING } from '../sched/nothing.ts';
import type { DeviceVmas } from './device-vma-service.ts';
import type { Ledger } from './ledger.ts';
import { asMm } from './mm-handle.ts';
import { frameService, pageService, vmaService } from './memory-services.ts';
import type { DeviceStats } from './device-stats.ts';
import { SyncObjects } from './sync-objects.ts';
import { interruptService, taskService } from './task-service.ts';
import { userMemoryService } from './user-memory.ts';

/** What this machine offers beyond the services that every machine has. In the world of 2008 there are no intervals. */
function capabilitiesOf({ kconfig }: Kernel): ReadonlySet<Capability> {
  const always: Capability[] = ['interrupts', 'links', 'range-faults', 'device-vmas'];
  return new Set(kconfig.MMU_NOTIFIER_SLEEPABLE ? [...always, 'interval-notifiers'] : always);
}

/** Told of the typed events of devices. @public */
export type DeviceEventListener = (
  device: string,
  name: string,
  fields: Readonly<Record<string, number | string | boolean>>,
) => void;

export function createHost(
  kernel: Kernel,
  cpus: Cpus,
  deviceName: string,
  ledger: Ledger,
  deviceVmas: DeviceVmas,
  stats: DeviceStats,
  links: DeviceLinks,
  listener: DeviceEventListener | undefined,
): PluginHost {
  const world: HostWorld = { sleepableNotifiers: kernel.kconfig.MMU_NOTIFIER_SLEEPABLE };
  const capabilities = capabilitiesOf(kernel);
  return {
    apiVersion: API_VERSION,
    world,
    deviceName,
    capabilities,
    ...(capabilities.has('interval-notifiers') ? { intervals: intervalService(kernel, deviceName) } : {}),
    notifiers: notifierService(kernel, deviceName),
    pages: pageService(kernel, deviceName),
    processes: processService(kernel),
    vmas: vmaService(),
    userMemory: userMemoryService(kernel, cpus),
    frames: frameService(kernel),
    ledger,
    deviceVmas,
    sync: new SyncObjects(kernel),
    tasks: taskService(kernel),
    interrupts: interruptService(kernel),
    links,
    stats,
    trace: traceService(deviceName, listener),
    choose: (count, what) => kernel.scheduler.choose(count, what),
  };
}

function notifierService(kernel: Kernel, owner: string): NotifierService {
  return {
    register: (mm, ops) => register(kernel, asMm(mm), ops, owner),
    unregister: (subscription) => unregister(kernel, subscription as Subscription),
    get: (mm, ops) => getNotifier(kernel, asMm(mm), ops, owner),
    put: (subscription) => putNotifier(kernel, subscription as Subscription),
    synchronize: () => kernel.notifierSrcu.barrier(),
  };
}

function intervalService(kernel: Kernel, owner: string): IntervalNotifierService {
  return {
    insert: (mm, start, length, ops) => insertInterval(kernel, asMm(mm), start, length, ops, owner),
    remove: (subscription) => removeInterval(kernel, subscription as IntervalNode),
    readBegin: (subscription) => readBegin(kernel, subscription as IntervalNode),
    readRetry: (subscription, seq) => readRetry(kernel, subscription as IntervalNode, seq),
    checkRetry: (subscription, seq) => checkRetry(kernel, subscription as IntervalNode, seq),
    setSeq: (subscription, seq) => setSeq(kernel, subscription as IntervalNode, seq),
  };
}

function processService(kernel: Kernel): ProcessService {
  const { scheduler } = kernel;
  return {
    grab: (mm) => void asMm(mm).count++,
    drop: (mm) => void asMm(mm).count--,
    getNotZero(mm) {
      const own = asMm(mm);
      if (own.users <= 0) return false;
      own.users++;
      return true;
    },
    put(mm) {
      const own = asMm(mm);
      if (own.users <= 1) return putMm(kernel, own);
      own.users--;
      return NOTHING;
    },
    current: () => scheduler.current.owner as ProcessHandle | undefined,
    signal: (process) => scheduler.signal(asProcess(process as ProcessStruct)),
    signalPending: () => scheduler.current.owner?.signalPending ?? false,
    mmapReadLock: (mm) => asMm(mm).mmapLock.acquireRead(),
    mmapReadTryLock: (mm) => asMm(mm).mmapLock.tryAcquireRead(),
    mmapReadUnlock: (mm) => asMm(mm).mmapLock.releaseRead(),
    mmapWriteLock: (mm) => asMm(mm).mmapLock.acquireWrite(),
    mmapDowngrade: (mm) => asMm(mm).mmapLock.downgrade(),
    mmapWriteUnlock: (mm) => asMm(mm).mmapLock.releaseWrite(),
  };
}

function traceService(device: string, listener: DeviceEventListener | undefined): TraceService {
  return {
    enabled: listener !== undefined,
    event: (name, fields) => listener?.(device, name, fields),
  };
}
