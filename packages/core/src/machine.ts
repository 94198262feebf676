/**
 * A machine: boots all rooms from one config, and is what users hold. Processes make calls and accesses, devices attach,
 * and everything that may sleep is a routine that the machine runs.
 */
import type { Device, DeviceAccess, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { bootKernel } from './boot.ts';
import { UsageError, type Violation } from './contract.ts';
import { Cpus } from './cpu/access.ts';
import type { AccessRun } from './cpu/run.ts';
import type { CpuAccessKind, Signal } from './fault/user-fault.ts';
import type { Kconfig } from './kconfig.ts';
import type { Kernel } from './kernel.ts';
import { SimulatedNetwork } from './links/simulated-network.ts';
import { TransportLinks } from './links/transport-links.ts';
import type { MachineFiles, MachineSyscalls, Process } from './machine-api.ts';
import { type MachineConfig, shapeOf } from './machine-config.ts';
import { auditDevice, auditLeaks, auditMemory } from './oracle/audit.ts';
import { Oracles } from './oracle/oracles.ts';
import type { TranslationOracle } from './oracle/translation-oracle.ts';
import { Files } from './page-cache/files.ts';
import { Devices } from './plugin/devices.ts';
import { Processes } from './process/lifecycle.ts';
import { asProcess, mmOf } from './process/process.ts';
import { Syscalls } from './process/syscalls.ts';
import { reap } from './reclaim/oom-reaper.ts';
import { reclaimProactively } from './reclaim/reclaim.ts';
import { LiveLoop } from './sched/live.ts';
import type { Task } from './sched/task.ts';
import { machineStats } from './machine-stats.ts';
import { FileSwapDevice, type SwapDevice } from './swap/swap-device.ts';
import { type AddressSpaceArea, picture } from './tracing/address-space.ts';

/** One machine, from boot to shutdown. @public */
export class Machine {
  readonly files: MachineFiles;
  readonly syscalls: MachineSyscalls;
  private readonly kernel: Kernel;
  private readonly oracles: Oracles | undefined;
  private readonly translations: TranslationOracle | undefined;
  private readonly fileTable: Files;
  private readonly processTable: Processes;
  private readonly devices: Devices;
  private readonly cpus: Cpus;
  private readonly swapDevice: SwapDevice;
  private readonly live: LiveLoop | undefined;
  private network: SimulatedNetwork | undefined;
  /** One task for each name that runs something for nobody; a process has those that work for it. */
  private readonly tasks = new Map<string, Task>();

  /** @throws UsageError for impossible sizes and switches. */
  constructor(config: MachineConfig) {
    const shape = shapeOf(config);
    this.live = config.live && new LiveLoop(config.live);
    this.swapDevice = config.swapDevice ?? new FileSwapDevice();
    this.oracles = config.oracles === 'on' ? new Oracles() : undefined;
    this.kernel = bootKernel({
      ...shape,
      swapDevice: this.swapDevice,
      strategy: config.strategy,
      live: this.live,
      observer: this.oracles,
      tracer: config.tracer,
      links: (scheduler) =>
        config.transport === undefined
          ? (this.network = new SimulatedNetwork(scheduler, config.links ?? {}))
          : new TransportLinks(scheduler, config.transport),
    });
    this.translations = this.oracles?.observe(this.kernel);
    this.processTable = new Processes(this.kernel, config.heapStart ?? 0);
    this.fileTable = new Files(this.kernel);
    this.files = this.fileTable;
    this.syscalls = new Syscalls(this.kernel, this.processTable, this.fileTable);
    this.cpus = new Cpus(this.kernel, this.oracles?.shadow);
    this.devices = new Devices(this.kernel, this.cpus, this.translations, config.onDeviceEvent);
    this.run('boot', this.processTable.createFirst());
  }

  /** Every process that ever was, by name: `p1` exists at start. */
  get processes(): ReadonlyMap<string, Process> {
    return this.processTable.byName;
  }

  /** Every switch of the kernel, as it was decided at boot. */
  get kconfig(): Kconfig {
    return this.kernel.kconfig;
  }

  /** Frames that are pinned now. */
  get pinnedPages(): number {
    return this.kernel.pins.frames;
  }

  /** Runs a routine to its end on the task of that name, for a process or for nobody. */
  run<T>(name: string, routine: Routine<T>, process?: Process): T {
    const { scheduler } = this.kernel;
    const owner = process && asProcess(process);
    const tasks = owner?.tasks ?? this.tasks;
    let task = tasks.get(name);
    if (task === undefined) {
      task = scheduler.createTask(name, owner, owner?.cpu);
      tasks.set(name, task);
    }
    return scheduler.run(task, routine);
  }

  /** Starts a concurrent task, which runs in `runAll`. */
  spawn(name: string, routine: Routine<unknown>, process?: Process): void {
    this.kernel.scheduler.spawn(name, routine, process && asProcess(process));
  }

  /** Runs until every task has ended, but for daemons of drivers: those go on until each of them waits. */
  runAll(): void {
    this.kernel.scheduler.runAll();
  }

  /**
   * As `runAll` on a live machine: while nobody can run, the event loop gets its turn.
   *
   * @throws UsageError when the machine is not live; what a task throws.
   */
  async runLive(): Promise<void> {
    if (this.live === undefined)
      throw new UsageError('not-live', 'found a machine without a clock, expected a live one');
    await this.live.run(this.kernel.scheduler);
  }

  /** @throws UsageError when the plugin cannot be attached here. @sleeps May. */
  attach(name: string, plugin: SecondaryMmuPlugin): Routine<Device> {
    return this.devices.attach(name, plugin);
  }

  /** @sleeps May. */
  detach(name: string): Routine<void> {
    return this.devices.detach(name);
  }

  /**
   * Breaks the simulated links of a device, of all devices unless named: what is under way is gone, and both ends hear of
   * it after the silence of `MachineConfig.links`. They may connect again.
   */
  cutLinks(device?: string): void {
    this.network?.cut(device);
  }

  load(process: Process, address: number, size: number, into: Uint8Array): Routine<Signal | undefined> {
    return this.cpus.access(asProcess(process), 'load', address, size, into);
  }

  fetch(process: Process, address: number, size: number, into: Uint8Array): Routine<Signal | undefined> {
    return this.cpus.access(asProcess(process), 'fetch', address, size, into);
  }

  store(process: Process, address: number, size: number, from: Uint8Array): Routine<Signal | undefined> {
    return this.cpus.access(asProcess(process), 'store', address, size, from);
  }

  /** A load that needs no fault, inside one page. @returns whether it was made. */
  tryLoad(process: Process, address: number, size: number, into: Uint8Array): boolean {
    return this.tryAccess(process, 'load', address, size, into);
  }

  tryFetch(process: Process, address: number, size: number, into: Uint8Array): boolean {
    return this.tryAccess(process, 'fetch', address, size, into);
  }

  tryStore(process: Process, address: number, size: number, from: Uint8Array): boolean {
    return this.tryAccess(process, 'store', address, size, from);
  }

  /**
   * Accesses `[from, to)` of a run, in order, as far as none needs a fault: the fast way through a recording. Stores
   * write a pattern; nobody sees what loads read. With oracles on it makes none: they look at each access.
   *
   * @returns the first access that was not made; `to` when all were.
   */
  tryRun(process: Process, run: AccessRun, from: number, to: number): number {
    return this.cpus.tryRun(mmOf(process), asProcess(process).cpu, run, from, to);
  }

  /**
   * A device's access that it makes in one step (`Device.tryAccess`), outside of any task. With
   * oracles or a tracer on, or under a schedule, none is made: they see the task of each access.
   *
   * @returns whether it was made.
   */
  tryDeviceAccess(device: Device, request: DeviceAccess): boolean {
    const { scheduler } = this.kernel;
    if (this.translations !== undefined || scheduler.preemptive || scheduler.tracer !== undefined) return false;
    return device.tryAccess?.(request) ?? false;
  }

  /** Pages that the cgroup has charged for what this machine does not model, from now on; without a limit, nothing. */
  chargeElsewhere(pages: number): void {
    const { cgroup } = this.kernel.allocator;
    if (cgroup !== undefined) cgroup.elsewhere = pages;
  }

  /** Reclaim, now, as if memory were short. @returns how many frames were freed. @sleeps May. */
  *reclaim(pages: number): Routine<number> {
    const task = this.kernel.scheduler.current;
    task.reclaimDepth++;
    const freed = yield* reclaimProactively(this.kernel, pages);
    task.reclaimDepth--;
    return freed;
  }

  /**
   * The OOM killer takes this process, now, and its reaper does not wait for the exit.
   *
   * @returns whether the reaper got all of its private memory: drivers may be in the way. @sleeps May.
   */
  *oom(process: Process): Routine<boolean> {
    const mm = mmOf(process);
    const victim = asProcess(process);
    mm.count++;
    if (!victim.killed) this.kernel.oom.kill(this.kernel, victim);
    const complete = yield* reap(this.kernel, mm);
    mm.count--;
    return complete;
  }

  /** Whether a process was killed for lack of memory. */
  get outOfMemory(): boolean {
    return this.kernel.oom.killed.length > 0;
  }

  /** Names of the processes that were killed for lack of memory, in order. */
  get oomKills(): readonly string[] {
    return this.kernel.oom.killed;
  }

  /** Runs every oracle that scans. Nothing may be under way. With oracles off it says nothing. */
  check(): Violation[] {
    this.kernel.kswapd.settle();
    if (this.translations === undefined) return [];
    const found = [...auditMemory(this.kernel)];
    for (const attached of this.devices.byName.values())
      found.push(...auditDevice(this.kernel, attached, this.translations));
    return found;
  }

  /** Checks, detaches every device, ends every process, drops every file, and looks for what is left over. */
  shutdown(): Violation[] {
    const found = this.check();
    for (const name of [...this.devices.byName.keys()]) this.run('shutdown', this.devices.detach(name));
    for (const process of this.processTable.byName.values()) this.run('shutdown', this.processTable.exit(process));
    this.run('shutdown', this.fileTable.drop());
    if (this.oracles !== undefined) found.push(...auditLeaks(this.kernel));
    return found;
  }

  /** All counters, grouped by subsystem and device. */
  stats(): Record<string, Record<string, number>> {
    return machineStats(this.kernel, this.devices, this.oracles?.shadow, this.translations, this.network);
  }

  /** What every page of the process is now: nothing, swapped, resident, reached by a device, pinned. Costs what is there. */
  addressSpace(process: Process): AddressSpaceArea[] {
    const { mm } = asProcess(process);
    if (mm === undefined) return [];
    return picture(
      this.kernel,
      mm,
      [...this.devices.byName.values()].map(({ ledger }) => ledger),
    );
  }

  /** Gives back what the machine holds of this host: its swap file. */
  close(): void {
    this.swapDevice.close();
  }

  private tryAccess(process: Process, kind: CpuAccessKind, address: number, size: number, data: Uint8Array): boolean {
    if ((address & 4095) + size > 4096) return false;
    return this.cpus.tryAccess(mmOf(process), asProcess(process).cpu, kind, address, data, 0, size);
  }
}
