/** The services that a driver is handed, besides those that have tests of their own. */
import type { VirtualAddress } from '@mmu-notifier/plugin-api';
import type { Process } from '../machine-api.ts';
import { AREA, PAGE, expectClean, load, machineOf, map, mmOf, p1, run, store, violation } from '../../test/machine.ts';
import { plain } from '../../test/scheduling.ts';
import { attachTo, spy } from '../../test/spy.ts';

const AREA_VA = AREA as VirtualAddress;

function bench(options = {}) {
  const machine = machineOf(options);
  map(machine, 4, { at: AREA });
  const watcher = spy();
  const device = attachTo(machine, watcher.plugin);
  return { machine, device, host: watcher.host(), mm: mmOf(machine) };
}

describe('the services of a machine', () => {
  it('name the contract, the device and what the machine has', () => {
    const { host } = bench();
    expect(host).toMatchObject({ apiVersion: '1.1.0', deviceName: 'spy', world: { sleepableNotifiers: true } });
    const always = ['interrupts', 'links', 'range-faults', 'device-vmas'];
    expect([...host.capabilities]).toEqual([...always, 'interval-notifiers']);
  });

  it('count under the name of the device', () => {
    const { machine, host } = bench();
    const faults = host.stats.counter('faults');
    const [peak, now] = [host.stats.counter('most', 'peak'), host.stats.counter('now', 'instantaneous')];
    for (const delta of [1, 4, -3]) {
      faults();
      peak(delta);
      now(delta);
    }
    expect(machine.stats()['spy']).toMatchObject({ faults: 3, most: 5, now: 2 });
  });

  it('read and write what the process has, also where a fault is needed first', () => {
    const { machine, host, mm } = bench();
    const { userMemory } = host;
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const across = (AREA + PAGE - 2) as VirtualAddress;
    expect(userMemory.tryRead(mm, AREA_VA, new Uint8Array(4))).toBe(false);
    expect(run(machine, userMemory.write(mm, across, bytes))).toBeUndefined();
    expect([0, 1, 2, 3].map((i) => load(machine, across + i))).toEqual([1, 2, 3, 4]);
    const found = new Uint8Array(4);
    expect(run(machine, userMemory.read(mm, across, found))).toBeUndefined();
    expect(found).toEqual(bytes);
    expect(userMemory.tryRead(mm, AREA_VA, new Uint8Array(4))).toBe(true);
    expect(run(machine, userMemory.read(mm, 0x1000 as VirtualAddress, found))).toBe('EFAULT');
    expectClean(machine);
  });

  it('exchange bytes only where the expected ones stand, and break copy-on-write for it', () => {
    const { machine, host, mm } = bench();
    store(machine, AREA, 7);
    const child = run(machine, machine.syscalls.fork(p1(machine))) as Process;
    const swap = (from: number, to: number) =>
      run(machine, host.userMemory.compareExchange(mm, AREA_VA, Uint8Array.of(from), Uint8Array.of(to)));
    expect([swap(6, 1), swap(7, 8), swap(7, 9)]).toEqual([false, true, false]);
    expect([load(machine, AREA), load(machine, AREA, child)]).toEqual([8, 7]);
    expectClean(machine);
  });

  it('run kernel threads, and let others wait for their end', () => {
    const { machine, host } = bench();
    const log: string[] = [];
    const thread = host.tasks.kernelThread('worker', function* () {
      yield* host.tasks.sleep(1000);
      log.push(`worked at ${host.tasks.now()}`);
      expect(host.processes.current()).toBeUndefined();
    });
    expect(thread.done).toBe(false);
    run(machine, thread.join());
    log.push('joined');
    expect(log).toEqual(['worked at 1000', 'joined']);
  });

  it('tell whose task runs, whether a signal is pending, and whether it reclaims', () => {
    const { machine, host } = bench();
    const ask = () =>
      run(
        machine,
        plain(() => [host.processes.current()?.name, host.processes.signalPending()]),
      );
    expect(ask()).toEqual(['p1', false]);
    machine.syscalls.signal(p1(machine));
    expect(ask()).toEqual(['p1', true]);
    expect(host.tasks.inReclaim()).toBe(false);
  });

  it('show mappings under the mmapLock', () => {
    const { machine, host, mm } = bench();
    map(machine, 2, { at: AREA + 8 * PAGE, prot: 'r', file: machine.files.create('f', 8 * PAGE), offset: PAGE });
    const look = function* () {
      yield* host.processes.mmapReadLock(mm);
      const found = host.vmas.overlapping(mm, AREA_VA, (AREA + 100 * PAGE) as VirtualAddress);
      const none = host.vmas.find(mm, (AREA + 5 * PAGE) as VirtualAddress);
      host.processes.mmapReadUnlock(mm);
      return { found, none };
    };
    const { found, none } = run(machine, look());
    expect(none).toBeUndefined();
    expect(found).toMatchObject([
      { start: AREA, end: AREA + 4 * PAGE, write: true, shared: false, file: undefined, offset: 0 },
      { read: true, write: false, exec: false, file: 'f', offset: PAGE },
    ]);
  });

  it('look at the tables of the CPU without a reference', () => {
    const { machine, host, mm } = bench();
    expect(host.pages.atomicLookup(mm, AREA_VA)).toBeUndefined();
    expect(host.pages.hostMappingLevel(mm, AREA_VA)).toBeUndefined();
    load(machine, AREA);
    expect(host.pages.atomicLookup(mm, AREA_VA)).toEqual({
      pfn: host.frames.zeroPage,
      writable: false,
      dirty: false,
    });
    store(machine, AREA, 1);
    expect(host.pages.atomicLookup(mm, AREA_VA)).toMatchObject({ writable: true, dirty: true });
    expect(host.pages.hostMappingLevel(mm, AREA_VA)).toBe(4096);
    run(machine, machine.syscalls.mprotect(p1(machine), AREA, PAGE, '-'));
    expect(host.pages.atomicLookup(mm, AREA_VA)).toBeUndefined();
  });

  it('keep an address space in use beyond the exit of its process', () => {
    const { machine, host, mm } = bench();
    store(machine, AREA, 1);
    expect(host.processes.getNotZero(mm)).toBe(true);
    run(machine, machine.syscalls.exit(p1(machine)));
    const page = machine.run('driver', host.pages.getUserPage(mm, AREA_VA));
    if (typeof page === 'string') throw new Error(page);
    host.pages.putPage(page.pfn);
    machine.run('driver', host.processes.put(mm));
    expect(host.processes.getNotZero(mm)).toBe(false);
    expectClean(machine);
  });

  it('report a frame that is marked dirty after it was freed', () => {
    const { machine, host, mm } = bench();
    store(machine, AREA, 1);
    const { pfn } = host.pages.atomicLookup(mm, AREA_VA) ?? { pfn: host.frames.zeroPage };
    host.frames.markDirty(pfn);
    host.frames.markAccessed(pfn);
    expect(host.frames.isPoisoned(pfn)).toBe(false);
    run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
    expect(violation(() => host.frames.markDirty(pfn)).oracle).toBe('use-after-free');
  });

  it('make atomics whose steps others may come between: a lost update is found, an add is not lost', () => {
    const total = (seed: number, how: 'add' | 'load and store'): number => {
      const { machine, host } = bench({ seed });
      const counter = host.sync.atomic('counter', 10);
      for (const name of ['a', 'b']) {
        machine.spawn(
          name,
          (function* () {
            if (how === 'add') yield* counter.add(1);
            else yield* counter.store((yield* counter.load()) + 1);
          })(),
        );
      }
      machine.runAll();
      return counter.value;
    };
    const seeds = Array.from({ length: 30 }, (_, seed) => seed);
    expect(seeds.map((seed) => total(seed, 'add')).every((value) => value === 12)).toBe(true);
    expect(seeds.some((seed) => total(seed, 'load and store') === 11)).toBe(true);
  });
});
