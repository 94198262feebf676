/** MMIO sptes: what a guest found to be no memory, until memslots change. */
import { BASE, Guest, PAGE } from '../test/guest.ts';
import { PagingGuest } from '../test/paging-guest.ts';
import { MMIO_GENERATIONS } from './mmio-spte.ts';
import { Memslots } from './memslots.ts';
import { type KvmGuard, withoutGuard } from './testing.ts';
import type { KvmShared } from './shared.ts';
import type { Vm } from './vm.ts';

const MMIO = { exit: 'mmio' };
/** Guest-physical, behind the memory of the guest. */
const DEVICE = BASE + 1024 * PAGE;
const GVA = 0x40000000;

const vmOf = (guest: Guest): Vm => (guest.device as unknown as { shared: KvmShared }).shared.vms.get('p1') as Vm;

/** Memory at `BASE` alone. */
function limit(guest: Guest): void {
  guest.host.map(guest.mm, BASE, 256);
  expect(guest.memslot('0', String(BASE), String(256 * PAGE), String(BASE))).toBeUndefined();
}

function without(guard: KvmGuard, body: () => void): void {
  const restore = withoutGuard(guard);
  try {
    body();
  } finally {
    restore();
  }
}

describe.each(['direct', 'shadow'] as const)('an MMIO spte, %s', (mode) => {
  const guestOf = (): Guest => {
    const guest = new Guest({ mode });
    limit(guest);
    return guest;
  };
  const addMemory = (guest: Guest): unknown => guest.memslot('1', String(DEVICE), String(PAGE), String(BASE));
  const load = (guest: Guest): unknown => guest.load(DEVICE, 1, 'gpa');

  it('tells the second access from a fault', () => {
    const guest = guestOf();
    expect([load(guest), load(guest), guest.store(DEVICE, [1], 'gpa')]).toEqual([MMIO, MMIO, MMIO]);
    const count = (name: string): number => guest.host.stat(name);
    expect([count('pf_mmio_spte_created'), count('mmio_exits')]).toEqual([1, 3]);
    expect(guest.broken()).toEqual([]);
  });

  const memoryAppears = (guest: Guest): unknown => {
    load(guest);
    expect(addMemory(guest)).toBeUndefined();
    return load(guest);
  };

  it('is worth nothing when memslots have changed', () => {
    expect(memoryAppears(guestOf())).toEqual([0]);
    without('mmio-generation', () => expect(memoryAppears(guestOf())).toEqual(MMIO));
  });

  it('comes again when memory goes', () => {
    const guest = guestOf();
    expect(memoryAppears(guest)).toEqual([0]);
    guest.memslot('1', String(DEVICE), '0', '0');
    expect([load(guest), load(guest)]).toEqual([MMIO, MMIO]);
    expect(guest.broken()).toEqual([]);
  });

  /** The generation of the set in which an entry was made comes again, with memory where there was none. */
  const generationComesAgain = (guest: Guest): unknown => {
    const vm = vmOf(guest);
    load(guest);
    const made = vm.memslots.generation;
    vm.memslots = new Memslots(vm.memslots.byId, MMIO_GENERATIONS - 1);
    expect(guest.memslot('2', String(2 ** 40), String(PAGE), String(BASE))).toBeUndefined();
    vm.memslots = new Memslots(vm.memslots.byId, MMIO_GENERATIONS + made - 1);
    expect(addMemory(guest)).toBeUndefined();
    return load(guest);
  };

  it('goes when the generation begins again', () => {
    expect(generationComesAgain(guestOf())).toEqual([0]);
    if (mode === 'direct') without('mmio-wrap', () => expect(generationComesAgain(guestOf())).toEqual(MMIO));
  });
});

describe('an MMIO spte under shadow paging', () => {
  const guestOf = (): PagingGuest => {
    const guest = new PagingGuest();
    limit(guest);
    return guest;
  };

  it("does not give what the guest's tables forbid", () => {
    const guest = guestOf();
    guest.mapPage(GVA, DEVICE, { writable: false, user: false });
    expect([guest.read(GVA), guest.read(GVA)]).toEqual([MMIO, MMIO]);
    expect(guest.write(GVA, 1)).toEqual({ exit: 'page-fault 0x3' });
    guest.registers('user=on');
    expect(guest.read(GVA)).toEqual({ exit: 'page-fault 0x5' });
  });

  it('lets the first write set dirty in the entry of the guest', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DEVICE, { clean: true });
    expect(guest.read(GVA)).toEqual(MMIO);
    const before = guest.entry(GVA);
    expect(guest.write(GVA, 1)).toEqual(MMIO);
    expect(guest.entry(GVA)).not.toBe(before);
  });

  it('goes with the entry of the guest', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DEVICE);
    expect(guest.read(GVA)).toEqual(MMIO);
    guest.mapPage(GVA, BASE);
    guest.invlpg(GVA);
    expect(guest.read(GVA)).toBe(0);
    guest.mapPage(GVA, DEVICE);
    guest.invlpg(GVA);
    expect(guest.read(GVA)).toEqual(MMIO);
    expect(guest.broken()).toEqual([]);
  });

  it('takes the place of the spte that was there, and gives it back', () => {
    const guest = guestOf();
    guest.memslot('1', String(DEVICE), String(PAGE), String(BASE));
    guest.mapPage(GVA, DEVICE);
    expect(guest.write(GVA, 7)).toBe('done');
    guest.memslot('1', String(DEVICE), '0', '0');
    expect(guest.read(GVA)).toEqual(MMIO);
    guest.memslot('1', String(DEVICE), String(PAGE), String(BASE));
    expect(guest.read(GVA)).toBe(7);
    expect(guest.broken()).toEqual([]);
  });
});
