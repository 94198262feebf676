/** What a machine is built from, and which of it makes sense. */
import type { LinkTransport } from '@mmu-notifier/plugin-api';
import { UsageError } from './contract.ts';
import { type Kconfig, resolveKconfig } from './kconfig.ts';
import type { LinkFaults } from './links/link-faults.ts';
import type { DeviceEventListener } from './plugin/host.ts';
import type { LiveClock } from './sched/live.ts';
import type { Strategy } from './sched/strategy.ts';
import type { SwapDevice } from './swap/swap-device.ts';
import type { MachineTracer } from './tracing/tracer.ts';

/** What a machine is built from. @public */
export interface MachineConfig {
  /** Physical memory, rounded down to whole pages; at least 16 of them. */
  readonly ramBytes: number;
  /** What all processes together may have, in bytes: a memory cgroup's `memory.max`. Without it, all that there is. */
  readonly memoryMax?: number;
  /** Without `SWAP` there is none, whatever this says. */
  readonly swapBytes: number;
  /** Where swapped pages lie: a file in the system's temporary folder unless given. */
  readonly swapDevice?: SwapDevice;
  readonly oracles: 'on' | 'off';
  /** Who runs next. Without one the machine is in direct mode: nobody is preempted. */
  readonly strategy?: Strategy;
  /**
   * Makes the machine live: tasks may wait for promises, and virtual time is the time of this clock. They run by
   * `spawn` and `runLive`, as in direct mode. Excludes a strategy.
   */
  readonly live?: LiveClock;
  /** CPUs, each with a TLB: 4 unless given, at most 31. */
  readonly cpus?: number;
  /**
   * The window of which a read fault on a file maps every page that is cached: a power of two of 4096 or more, which turns
   * it off; 65536 unless given, as in Linux.
   */
  readonly faultAroundBytes?: number;
  /** Where the heap of `brk` begins in every process; without it the first `setInitialBrk` says so. */
  readonly heapStart?: number;
  /** Switches of the kernel that differ from their defaults: all are on. */
  readonly kconfig?: Partial<Kconfig>;
  /** What may go wrong on the simulated links between its devices: nothing unless named. Excludes `transport`. */
  readonly links?: LinkFaults;
  /** Carries the links of a live machine to other processes, in place of simulated ones. */
  readonly transport?: LinkTransport;
  /** Told of the typed events of devices. */
  readonly onDeviceEvent?: DeviceEventListener;
  /** Told what happens when it happens: faults, notifier ranges, reclaim, swapping, locks, who runs. */
  readonly tracer?: MachineTracer;
}

const LEAST_FRAMES = 16;
const MOST_FRAMES = 2 ** 30;

/** Sizes in pages, and every switch as it is decided. */
export interface MachineShape {
  readonly kconfig: Kconfig;
  readonly frames: number;
  readonly memoryMax: number | undefined;
  readonly swapSlots: number;
  readonly cpus: number;
  readonly faultAroundPages: number;
}

/** @throws UsageError for impossible sizes, switches and modes. */
export function shapeOf(config: MachineConfig): MachineShape {
  const { ramBytes, memoryMax, swapBytes, cpus = 4, faultAroundBytes = 65536 } = config;
  const frames = Math.floor(ramBytes / 4096);
  if (!(frames >= LEAST_FRAMES && frames <= MOST_FRAMES))
    bad('size', `${ramBytes} bytes of memory`, `${LEAST_FRAMES} pages or more, and less than 4T`);
  if (memoryMax !== undefined && !(memoryMax >= LEAST_FRAMES * 4096))
    bad('size', `a limit of ${memoryMax} bytes`, `${LEAST_FRAMES} pages or more`);
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 31) bad('size', `${cpus} CPUs`, '1 to 31');
  if (!(faultAroundBytes >= 4096 && faultAroundBytes <= 2 ** 21 && Number.isInteger(Math.log2(faultAroundBytes))))
    bad('size', `${faultAroundBytes} bytes to fault around`, 'a power of two from 4096 to 2097152');
  const kconfig = resolveKconfig(config.kconfig);
  checkModes(config);
  return {
    kconfig,
    frames,
    memoryMax: memoryMax === undefined ? undefined : Math.floor(memoryMax / 4096),
    swapSlots: kconfig.SWAP ? Math.floor(swapBytes / 4096) : 0,
    cpus,
    faultAroundPages: faultAroundBytes / 4096,
  };
}

function checkModes({ live, strategy, transport, links }: MachineConfig): void {
  if (live !== undefined && strategy !== undefined)
    bad('mode', 'a clock and a strategy', 'at most one: a live run has no replay');
  if (transport === undefined) return;
  if (live === undefined) bad('mode', 'a transport without a clock', 'a transport on a live machine, alone');
  if (links !== undefined)
    bad('mode', 'a transport and faults of simulated links', 'a transport on a live machine, alone');
}

function bad(what: 'size' | 'mode', found: string, expected: string): never {
  throw new UsageError(`bad-${what}`, `found ${found}, expected ${expected}`);
}
