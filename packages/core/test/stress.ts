/** Several tasks that do to one small machine whatever they like, with every oracle on. The same seed gives the same run. */
import type { Device, Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { MachineFile, Process } from '../src/machine-api.ts';
import { randomSource } from '../src/sched/strategy.ts';
import { AREA, PAGE, machineOf, p1, run } from './machine.ts';
import { mirror } from './mirror.ts';

/** What the tasks of a run are. */
export interface Cast {
  readonly tasks: number;
  readonly steps: number;
  readonly frames: number;
  readonly swapPages: number;
  readonly device?: boolean;
  /** Kinds of steps, with their weights. */
  readonly mix: Partial<Record<Step, number>>;
}

export type Step =
  | 'store'
  | 'load'
  | 'device store'
  | 'device load'
  | 'mmap'
  | 'munmap'
  | 'mprotect'
  | 'protect a file'
  | 'map a file'
  | 'dontneed'
  | 'free'
  | 'mremap'
  | 'fork'
  | 'reclaim'
  | 'truncate'
  | 'write'
  | 'sync';

const PAGES = 12;
const FILE_PAGES = 4;
const SHARED = AREA + 1000 * PAGE;
const FILE = AREA + 2000 * PAGE;
const COPY = AREA + 3000 * PAGE;

/** Runs one seed to its end. @returns what is wrong with the machine afterwards. */
export function stress(seed: number, cast: Cast): string[] {
  const machine = machineOf({ seed, frames: cast.frames, swapPages: cast.swapPages, cpus: 2 });
  const random = randomSource(seed * 7919 + 1);
  const file = machine.files.create('f', FILE_PAGES * PAGE, (index, into) => into.fill(index + 1));
  const process = p1(machine);
  const map = (address: number, pages: number, flags: string[], more = {}) =>
    run(
      machine,
      machine.syscalls.mmap(process, {
        address,
        length: pages * PAGE,
        prot: 'rw',
        flags: [...flags, 'fixed'],
        ...more,
      }),
    );
  map(AREA, PAGES, ['private']);
  map(SHARED, FILE_PAGES, ['shared']);
  map(FILE, FILE_PAGES, ['shared'], { file });
  map(COPY, FILE_PAGES, ['private'], { file });
  let device: Device | undefined;
  if (cast.device) {
    device = run(machine, machine.attach('mirror', mirror()));
    run(machine, device.open(process.handle));
  }
  for (let task = 0; task < cast.tasks; task++) {
    const body = new Tester(machine, device, random, cast).live(process, cast.steps);
    machine.spawn(`task ${task}`, body, process);
  }
  machine.runAll();
  return machine.shutdown().map(({ oracle, message }) => `${oracle}: ${message}`);
}

class Tester {
  private readonly machine: Machine;
  private readonly device: Device | undefined;
  private readonly random: () => number;
  private readonly deck: Step[];

  constructor(machine: Machine, device: Device | undefined, random: () => number, { mix }: Cast) {
    this.machine = machine;
    this.device = device;
    this.random = random;
    this.deck = Object.entries(mix).flatMap(([step, weight]) => new Array<Step>(weight).fill(step as Step));
  }

  *live(process: Process, steps: number): Routine<void> {
    for (let i = 0; i < steps; i++) yield* this.step(process, this.deck[this.below(this.deck.length)]);
  }

  private *step(process: Process, step: Step): Routine<void> {
    const { machine } = this;
    const { syscalls, files } = machine;
    const [first, length] = [this.below(PAGES), PAGE * (1 + this.below(4))];
    const range = AREA + first * PAGE;
    const data = Uint8Array.of(1 + this.below(255));
    if (step === 'store') yield* machine.store(process, this.anywhere(), 1, data);
    else if (step === 'load') yield* machine.load(process, this.anywhere(), 1, data);
    else if (step === 'device store') yield* this.byDevice(process, 'store', data);
    else if (step === 'device load') yield* this.byDevice(process, 'load', data);
    else if (step === 'munmap') yield* syscalls.munmap(process, range, length);
    else if (step === 'mprotect') yield* syscalls.mprotect(process, range, length, ['r', 'rw', '-'][this.below(3)]);
    else if (step === 'protect a file') {
      const at = [FILE, COPY, SHARED][this.below(3)] + this.below(FILE_PAGES) * PAGE;
      yield* syscalls.mprotect(process, at, PAGE, ['r', 'rw', 'rw'][this.below(3)]);
    } else if (step === 'map a file') {
      const page = this.below(FILE_PAGES);
      const [base, flag] = [[FILE, 'shared'] as const, [COPY, 'private'] as const][this.below(2)];
      yield* syscalls.mmap(process, {
        address: base + page * PAGE,
        length: PAGE * (1 + this.below(FILE_PAGES - page)),
        prot: 'rw',
        flags: [flag, 'fixed'],
        file: files.get('f') as MachineFile,
        offset: page * PAGE,
      });
    } else if (step === 'dontneed' || step === 'free') yield* syscalls.madvise(process, range, length, step);
    else if (step === 'reclaim') yield* machine.reclaim(1 + this.below(8));
    else if (step === 'truncate') yield* files.truncate('f', this.below(FILE_PAGES * PAGE + 1));
    else if (step === 'write') yield* files.write('f', this.below(FILE_PAGES * PAGE), data);
    else if (step === 'sync') yield* files.sync('f');
    else if (step === 'mmap') {
      yield* syscalls.mmap(process, { address: range, length, prot: 'rw', flags: ['private', 'fixed'] });
    } else if (step === 'mremap') {
      const to = AREA + this.below(PAGES) * PAGE;
      yield* syscalls.mremap(process, range, length, length, ['maymove', 'fixed'], to);
    } else yield* this.forks(process);
  }

  /** A child that lives for a few steps. */
  private *forks(parent: Process): Routine<void> {
    const child = yield* this.machine.syscalls.fork(parent);
    if (typeof child === 'string') return;
    for (let i = 0; i < 3; i++) {
      yield* this.step(child, (['store', 'load', 'dontneed'] as const)[this.below(3)]);
    }
    yield* this.machine.syscalls.exit(child);
  }

  private *byDevice(process: Process, kind: 'load' | 'store', data: Uint8Array): Routine<void> {
    if (this.device === undefined || process.name !== 'p1') return;
    yield* this.device.access({ process: process.handle, space: 'process', address: this.anywhere(), kind, data });
  }

  /** Some byte of one of the mappings. */
  private anywhere(): number {
    const [base, pages] = (
      [
        [AREA, PAGES],
        [AREA, PAGES],
        [SHARED, FILE_PAGES],
        [FILE, FILE_PAGES],
        [COPY, FILE_PAGES],
      ] as const
    )[this.below(5)];
    return base + this.below(pages) * PAGE + this.below(4) * 1000;
  }

  private below(count: number): number {
    return Math.floor(this.random() * count);
  }
}
