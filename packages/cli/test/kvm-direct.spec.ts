/** KVM on the machine itself in direct mode: its faults are plain code where nothing waits. */
import { Machine, MemorySwapDevice, type Process } from '@mmu-notifier/core';
import { kvm } from '@mmu-notifier/kvm';
import type { DeviceAccess, Routine } from '@mmu-notifier/plugin-api';

const AREA = 0x1000_0000;
const PAGE = 4096;

function bench() {
  const machine = new Machine({
    ramBytes: 256 * PAGE,
    swapBytes: 256 * PAGE,
    swapDevice: new MemorySwapDevice(),
    oracles: 'on',
  });
  const p1 = machine.processes.get('p1') as Process;
  const run = <T>(routine: Routine<T>): T => machine.run('test', routine, p1);
  const flags = ['private', 'anonymous', 'fixed'];
  run(machine.syscalls.mmap(p1, { address: AREA, length: 8 * PAGE, prot: 'rw', flags }));
  const device = run(machine.attach('kvm0', kvm()));
  run(device.open(p1.handle));
  const request = (kind: DeviceAccess['kind'], page: number, value = 0): DeviceAccess => {
    return { process: p1.handle, space: 'process', kind, address: AREA + page * PAGE, data: Uint8Array.of(value) };
  };
  const store = (page: number, value: number) => run(machine.store(p1, AREA + page * PAGE, 1, Uint8Array.of(value)));
  const kvmStats = () => machine.stats()['kvm0'] as Record<string, number>;
  return { machine, p1, run, device, request, store, kvmStats };
}

describe('a fault of KVM where nothing preempts', () => {
  it('brings a missing page in, and one fault does', () => {
    const { machine, run, device, request, kvmStats } = bench();
    run(machine.store(machine.processes.get('p1') as Process, AREA + 7 * PAGE, 1, Uint8Array.of(1)));
    expect(run(device.access(request('store', 0, 5)))).toBe('done');
    const load = request('load', 0);
    expect(run(device.access(load))).toBe('done');
    expect(load.data[0]).toBe(5);
    expect(run(device.access(request('load', 1)))).toBe('done');
    expect(kvmStats()).toMatchObject({ pf_taken: 2, pf_fixed: 2, retries: 0, pages_4k: 2 });
    expect(machine.stats()['gup']).toMatchObject({ slow: 2, failed: 0 });
    expect(machine.shutdown()).toEqual([]);
  });

  it('on a page that the process has is part of an access that is tried, on a missing one it is not', () => {
    const { machine, run, device, request, store, kvmStats } = bench();
    store(0, 9);
    expect(device.tryAccess?.(request('store', 1, 1))).toBe(false);
    const load = request('load', 0);
    expect(device.tryAccess?.(load)).toBe(true);
    expect(load.data[0]).toBe(9);
    expect(kvmStats()).toMatchObject({ pf_taken: 1, pf_fixed: 1 });
    expect(run(device.access(request('store', 1, 1)))).toBe('done');
    expect(machine.shutdown()).toEqual([]);
  });

  it('comes back after every invalidation, as often as that is', () => {
    const { machine, p1, run, device, request, store, kvmStats } = bench();
    for (let round = 0; round < 3; round++) {
      for (let page = 0; page < 8; page++) {
        store(page, page);
        expect(run(device.access(request('store', page, page + 1)))).toBe('done');
      }
      run(machine.syscalls.madvise(p1, AREA, 8 * PAGE, 'dontneed'));
      expect(kvmStats()).toMatchObject({ pages_4k: 0, translations_invalidated: 8 * (round + 1) });
    }
    expect(kvmStats()).toMatchObject({ pf_fixed: 24, refaults: 16 });
    expect(machine.shutdown()).toEqual([]);
  });
});
