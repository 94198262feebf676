/** What the words behind `mmu-notifier replay` mean. */
import type { Kconfig } from '@mmu-notifier/core';
import { InputError } from '../errors.ts';
import { parseKconfig } from '../kconfig.ts';
import { type RamSize, type Share, parseHostMemory, parseRam, parseShare, parseSwap } from '../sizes.ts';

/** As commander hands them over. */
export interface ReplayFlags {
  readonly attach?: string;
  readonly ram?: string;
  readonly swap: string;
  readonly memoryMax?: string;
  readonly kconfig?: string;
  readonly deviceShare: string;
  readonly pin?: boolean;
  readonly comparePin?: boolean;
  readonly fidelity?: boolean;
  readonly json?: boolean;
  readonly html?: string;
  readonly perfetto?: string;
  readonly progress?: boolean;
  /** False for `--no-oracles`. */
  readonly oracles: boolean;
}

export interface ReplayOptions {
  /** Names or paths of drivers. */
  readonly drivers: readonly string[];
  readonly ram: RamSize | undefined;
  readonly swapBytes: number;
  /** Limit of the memory cgroup, in bytes; `undefined` for none. */
  readonly memoryMax: number | undefined;
  readonly kconfig: Partial<Kconfig>;
  readonly share: Share;
  /** `today`: notifiers; `pinned`: the world before them; `both`: one after the other. */
  readonly world: 'today' | 'pinned' | 'both';
  /** `kernel`: hold what the machine does against what the recorded kernel did. */
  readonly compare: 'kernel' | 'nothing';
  readonly output: 'table' | 'json';
  /** Where the page goes. */
  readonly html?: string;
  /** Where the trace goes. */
  readonly perfetto?: string;
  readonly progress: 'lines' | 'bar';
  readonly oracles: 'on' | 'off';
}

const NO_SHARE: Share = { numerator: 0, denominator: 1 };

export function parseReplayFlags(flags: ReplayFlags): ReplayOptions {
  if (flags.pin === true && flags.comparePin === true)
    throw new InputError('--pin and --compare-pin: expected one of them');
  if (flags.comparePin === true && flags.perfetto !== undefined)
    throw new InputError('--perfetto and --compare-pin: expected one of them, since a trace shows one run');
  if (flags.fidelity === true && (flags.pin === true || flags.comparePin === true))
    throw new InputError('--fidelity and pins: expected one of them, for the recorded kernel had notifiers');
  const kconfig = parseKconfig(flags.kconfig);
  if (flags.fidelity === true && kconfig.MMU_NOTIFIER === false)
    throw new InputError(
      '--fidelity: found MMU_NOTIFIER=n, expected a kernel with notifiers, since those are compared',
    );
  const world = flags.comparePin === true ? 'both' : flags.pin === true ? 'pinned' : 'today';
  return {
    drivers: parseDrivers(flags.attach, world),
    ram: flags.ram === undefined ? undefined : parseRam(flags.ram, '--ram'),
    swapBytes: parseSwap(flags.swap, '--swap'),
    memoryMax: flags.memoryMax === undefined ? undefined : parseHostMemory(flags.memoryMax, '--memory-max'),
    kconfig,
    // The recorded accesses are those that faulted: a device that made them would take their faults away.
    share: flags.fidelity === true ? NO_SHARE : parseShare(flags.deviceShare, '--device-share'),
    world,
    compare: flags.fidelity === true ? 'kernel' : 'nothing',
    output: flags.json === true ? 'json' : 'table',
    ...(flags.html === undefined ? {} : { html: flags.html }),
    ...(flags.perfetto === undefined ? {} : { perfetto: flags.perfetto }),
    progress: flags.progress === true ? 'lines' : 'bar',
    oracles: flags.oracles ? 'on' : 'off',
  };
}

/** Only a device pins: without `--attach`, pinning means KVM, who was the first to be freed from it. */
function parseDrivers(attach: string | undefined, world: ReplayOptions['world']): string[] {
  if (attach === undefined) return world === 'today' ? [] : ['kvm'];
  const names = attach.split(',').map((name) => name.trim());
  if (names.includes(''))
    throw new InputError(`--attach: found "${attach}", expected names such as kvm,./my-driver.ts`);
  return names;
}
