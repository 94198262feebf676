/**
 * An executable model of Linux virtual memory on real bytes.
 * @packageDocumentation
 */
export { ContractViolation, UsageError } from './contract.ts';
export type { Violation } from './contract.ts';
export type { AccessRun } from './cpu/run.ts';
export type { CpuAccessKind, Signal } from './fault/user-fault.ts';
export type { LinkFaults } from './links/link-faults.ts';
export type { Kconfig, KconfigName } from './kconfig.ts';
export { Machine } from './machine.ts';
export type { MachineConfig } from './machine-config.ts';
export { ADVICES } from './mm/madvise.ts';
export type { Advice } from './mm/madvise.ts';
export type { MapsEntry, PagemapEntry } from './mm/maps.ts';
export type { MachineFile, MachineFiles, MachineSyscalls, MmapCall, Process, ResidentPages } from './machine-api.ts';
export type { PageFiller } from './page-cache/backing-store.ts';
export type { DeviceEventListener } from './plugin/host.ts';
export type { LiveClock } from './sched/live.ts';
export { PointKind, describePoint, mayConflict, pointKind, pointObject } from './sched/preemption-point.ts';
export { SeededStrategy, randomSource } from './sched/strategy.ts';
export type { RunnableTask, Strategy } from './sched/strategy.ts';
export { TaskWorld } from './task-world.ts';
export type { TaskWorldConfig } from './task-world.ts';
export { FileSwapDevice, MemorySwapDevice, SwapDeviceError } from './swap/swap-device.ts';
export type { SwapDevice } from './swap/swap-device.ts';
export type { AddressSpaceArea, PageRun, PageState } from './tracing/address-space.ts';
export type { MachineTracer, TracedLock, TracedTask } from './tracing/tracer.ts';
