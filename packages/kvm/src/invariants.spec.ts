import type { LedgerEntry, Pfn } from '@mmu-notifier/plugin-api';
import { FakeHost } from '../test/fake-host.ts';
import type { FakeMm } from '../test/fake-host.ts';
import { brokenInvariants } from './invariants.ts';
import { Memslots } from './memslots.ts';
import { SpteBits } from './sptes.ts';
import { kvmStats } from './stats.ts';
import type { Vcpu } from './vcpu.ts';
import { Vm } from './vm.ts';
import type { KvmShared } from './shared.ts';

const ENTRY = 5 as LedgerEntry;
const RW = SpteBits.Writable | SpteBits.HostWritable;

/** A VM with one readonly memslot of 16 pages at gfn 0, and one of 16 at gfn 16. */
function vmWithSlots(): { vm: Vm; rules: () => readonly string[] } {
  const host = new FakeHost();
  const shared: KvmShared = {
    host,
    stats: kvmStats(host.stats),
    coherence: 'notifier',
    dirtyLog: 'get',
    dirtyRingEntries: 256,
    vcpuTlbEntries: 4,
    mode: 'direct' as const,
    vcpus: 1,
    vms: new Map(),
    warnings: [],
  };
  const slots = new Memslots([
    { id: 0, baseGfn: 0, npages: 16, userspaceAddr: 0, access: 'readonly', state: 'valid', dirty: undefined },
    { id: 1, baseGfn: 16, npages: 16, userspaceAddr: 0, access: 'read-write', state: 'valid', dirty: undefined },
  ]);
  const vm = new Vm(shared, 'p1', host.process().mm as FakeMm, slots);
  shared.vms.set('p1', vm);
  return { vm, rules: () => [...brokenInvariants(shared)].map(({ rule }) => rule) };
}

describe('an invariant tells', () => {
  it('nothing of a sound table', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(3, 9 as Pfn, SpteBits.HostWritable, ENTRY);
    vm.sptes.install(20, 9 as Pfn, RW, ENTRY);
    (vm.vcpus[0] as Vcpu).forStore(20);
    expect(rules()).toEqual([]);
  });

  it('an spte outside every memslot', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(40, 9 as Pfn, RW, ENTRY);
    expect(rules()).toEqual(['kvm-spte-in-slot']);
  });

  it('an spte that is writable against the host or its memslot', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(3, 9 as Pfn, RW, ENTRY);
    vm.sptes.install(20, 9 as Pfn, SpteBits.Writable, ENTRY);
    expect(rules()).toEqual(['kvm-writable', 'kvm-writable']);
  });

  it('a count that is wrong', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(20, 9 as Pfn, RW, ENTRY);
    vm.sptes.count = 2;
    vm.sptes.leaf(20)!.present = 2;
    expect(rules()).toEqual(['kvm-spte-count', 'kvm-table-count']);
  });

  it('a TLB entry without its spte, unless a flush is due', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(20, 9 as Pfn, RW, ENTRY);
    (vm.vcpus[0] as Vcpu).forLoad(20);
    vm.sptes.remove(20);
    expect(rules()).toEqual(['kvm-tlb']);
    vm.unflushed = true;
    expect(rules()).toEqual([]);
  });

  it('a TLB entry that allows what its spte forbids', () => {
    const { vm, rules } = vmWithSlots();
    vm.sptes.install(20, 9 as Pfn, RW, ENTRY);
    (vm.vcpus[0] as Vcpu).forStore(20);
    vm.sptes.change(20, 0, SpteBits.Writable);
    expect(rules()).toEqual(['kvm-tlb']);
  });

  it('a window in progress without a range, and one that is not active', () => {
    const { vm, rules } = vmWithSlots();
    const begin = vm.invalidate.begin();
    while (begin.next().done !== true);
    expect(rules()).toEqual(['kvm-hull', 'kvm-active']);
  });
});

describe('the table', () => {
  it('may be changed under mmuLock only', () => {
    const { vm } = vmWithSlots();
    vm.sptes.install(20, 9 as Pfn, RW, ENTRY);
    expect(() => vm.zap(0, 32)).toThrow('mmuLock must be held');
  });
});
