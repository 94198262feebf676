/** GRU and KVM on one process, in both worlds of the chain. */
import { randomSource } from '@mmu-notifier/core';
import { kvm } from '@mmu-notifier/kvm';
import type { Device, Routine } from '@mmu-notifier/plugin-api';
import { AREA, GruMachine, PAGE } from './machine.ts';

const SEEDS = Number(process.env['GRU_SEEDS'] ?? 40);
const WORLDS = [
  ['today', true],
  ['2008', false],
] as const;

function both(seed: number | undefined, sleepable: boolean): { readonly it: GruMachine; readonly guest: Device } {
  const it = new GruMachine({
    frames: 72,
    swapPages: 96,
    gru: { tlbEntries: 8 },
    kconfig: { MMU_NOTIFIER_SLEEPABLE: sleepable },
    ...(seed === undefined ? {} : { seed }),
  });
  const guest = it.run(it.machine.attach('kvm0', kvm()));
  const error = it.run(guest.open(it.process.handle));
  if (error !== undefined) throw new Error(error);
  it.map(6);
  return { it, guest };
}

describe.each(WORLDS)('in the world of %s', (_, sleepable) => {
  it('the CPU, a guest and the copy engine see the same bytes, also when they come back from swap', () => {
    const { it: on, guest } = both(undefined, sleepable);
    const access = (kind: 'load' | 'store', address: number, data: Uint8Array): void => {
      const request = { process: on.process.handle, space: 'process', address, kind, data };
      expect(on.run(guest.access(request))).toBe('done');
    };
    on.poke(AREA, [1]);
    access('store', AREA + PAGE, Uint8Array.of(2));
    on.store(AREA + 2 * PAGE, [3]);
    on.run(on.machine.reclaim(60));
    for (let i = 0; i < 3; i++) {
      const data = new Uint8Array(1);
      access('load', AREA + i * PAGE, data);
      expect([on.peek(AREA + i * PAGE), on.load(AREA + i * PAGE), [...data]]).toEqual([[i + 1], [i + 1], [i + 1]]);
    }
    on.run(on.machine.syscalls.munmap(on.process, AREA, 6 * PAGE));
    expect([on.load(AREA), [...guest.translations()]]).toEqual(['EFAULT', []]);
    on.expectClean();
  });

  it('nothing is found under random schedules', () => {
    const found: string[] = [];
    for (let seed = 0; seed < SEEDS; seed++) {
      try {
        race(seed, sleepable);
      } catch (error) {
        found.push(`seed ${seed}: ${(error as Error).message}`);
      }
    }
    expect(found).toEqual([]);
  });
});

function race(seed: number, sleepable: boolean): void {
  const { it, guest } = both(seed, sleepable);
  const random = randomSource(seed + 1);
  const below = (count: number): number => Math.floor(random() * count);
  const page = (): number => AREA + below(6) * PAGE;
  const device = function* (one: Device): Routine<void> {
    for (let i = 0; i < 8; i++) {
      const kind = below(2) === 0 ? 'load' : 'store';
      const data = Uint8Array.of(below(256));
      yield* one.access({ process: it.process.handle, space: 'process', address: page(), kind, data });
    }
  };
  it.spawn('guest', device(guest));
  it.spawn('copy engine', device(it.device));
  it.spawn(
    'process',
    (function* (): Routine<void> {
      const { syscalls } = it.machine;
      for (let i = 0; i < 5; i++) {
        const kind = below(4);
        if (kind === 0) yield* syscalls.madvise(it.process, page(), PAGE, 'dontneed');
        else if (kind === 1) yield* it.machine.reclaim(4);
        else if (kind === 2) yield* it.machine.store(it.process, page(), 1, Uint8Array.of(below(256)));
        else {
          const child = yield* syscalls.fork(it.process);
          if (typeof child !== 'string') yield* syscalls.exit(child);
        }
      }
    })(),
  );
  it.machine.runAll();
  const found = [...it.broken(), ...it.machine.shutdown().map(({ message }) => message)];
  it.machine.close();
  if (found.length > 0) throw new Error(found.join('; '));
}
