/** What the words behind `mmu-notifier run` mean. */
import { type Kconfig, Machine, type MachineConfig, MemorySwapDevice, SeededStrategy } from '@mmu-notifier/core';
import { InputError } from '../errors.ts';
import { parseKconfig } from '../kconfig.ts';
import { parseCount, parseHostMemory, parseSeed, parseSwap } from '../sizes.ts';

/** As commander hands them over. */
export interface RunFlags {
  readonly seed?: string;
  readonly seeds?: string;
  readonly keepGoing?: boolean;
  readonly ram: string;
  readonly swap: string;
  readonly kconfig?: string;
  /** Accepted because every command has it: the output is JSON in any case. */
  readonly json?: boolean;
  readonly progress?: boolean;
}

export interface RunOptions {
  readonly ramBytes: number;
  readonly swapBytes: number;
  readonly kconfig: Partial<Kconfig>;
  readonly firstSeed: number;
  /** Absent: one run that prints every event. */
  readonly seeds?: number;
  readonly keepGoing: boolean;
  readonly progress: 'lines' | 'bar';
}

export const DEFAULT_SEED = 1;

export function parseRunFlags(flags: RunFlags): RunOptions {
  const firstSeed = flags.seed === undefined ? DEFAULT_SEED : parseSeed(flags.seed, '--seed');
  const seeds = flags.seeds === undefined ? undefined : parseCount(flags.seeds, '--seeds', 1);
  if (seeds !== undefined && firstSeed + seeds > 2 ** 32) {
    throw new InputError(`--seeds: found ${seeds} seeds from ${firstSeed} on, expected seeds below 4294967296`);
  }
  if (flags.keepGoing === true && seeds === undefined) throw new InputError('--keep-going: expected --seeds N with it');
  return {
    ramBytes: parseHostMemory(flags.ram, '--ram'),
    swapBytes: parseSwap(flags.swap, '--swap'),
    kconfig: parseKconfig(flags.kconfig),
    firstSeed,
    keepGoing: flags.keepGoing === true,
    progress: flags.progress === true ? 'lines' : 'bar',
    ...(seeds === undefined ? {} : { seeds }),
  };
}

/** Where the heap of `brk` begins in a script: the same place as where a real kernel runs it, so that answers can be compared. */
const HEAP_START = 0x1000000;

type MachineOptions = Pick<RunOptions, 'ramBytes' | 'swapBytes' | 'kconfig'>;

export function machineConfig({ ramBytes, swapBytes, kconfig }: MachineOptions): MachineConfig {
  return { ramBytes, swapBytes, kconfig, oracles: 'on', heapStart: HEAP_START };
}

/** A sequential script runs directly and swaps to a real file; one with tasks under a scheduler that the seed decides. */
export function makeMachine(options: MachineOptions, mode: 'direct' | 'scheduled', seed: number): Machine {
  const config = machineConfig(options);
  if (mode === 'direct') return new Machine(config);
  return new Machine({ ...config, swapDevice: new MemorySwapDevice(), strategy: new SeededStrategy(seed) });
}
