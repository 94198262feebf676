import { BASE, Guest, PAGE } from '../test/guest.ts';

describe('a guest access', () => {
  it('faults a page in, and hits afterwards', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    expect(guest.store(BASE + 5, [1, 2, 3])).toBe('done');
    expect(guest.load(BASE + 4, 5)).toEqual([0, 1, 2, 3, 0]);
    expect(guest.host.stat('pf_taken')).toBe(1);
    expect(guest.host.stat('pf_fixed')).toBe(1);
    expect(guest.host.stat('pages_4k')).toBe(1);
    expect(guest.broken()).toEqual([]);
  });

  it('keeps no reference: the page belongs to the process alone', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.store(BASE, [1]);
    expect(guest.host.frame(guest.host.pte(guest.mm, BASE)!.pfn).references).toBe(1);
    expect(guest.mm.users).toBe(1);
  });

  it('is split at page borders', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 3);
    const bytes = Array.from({ length: 2 * PAGE }, (_, i) => i % 251);
    expect(guest.store(BASE + 100, bytes)).toBe('done');
    expect(guest.load(BASE + 100, bytes.length)).toEqual(bytes);
    expect(guest.host.stat('pf_taken')).toBe(3);
  });

  it('fails with EFAULT where the process has nothing, and keeps what came before the border', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    expect(guest.store(BASE + PAGE - 1, [7, 7])).toBe('EFAULT');
    expect(guest.load(BASE + PAGE - 1)).toEqual([7]);
    expect(guest.load(BASE + PAGE)).toBe('EFAULT');
  });

  it('fails with EFAULT for a store to memory that the process may only read', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1, 'r');
    expect(guest.load(BASE)).toEqual([0]);
    expect(guest.store(BASE, [1])).toBe('EFAULT');
  });

  it.each([-4096, 2 ** 47, Number.NaN])('fails at address %p', (address) => {
    expect(new Guest().load(address)).toBe('EFAULT');
  });

  it('knows no other address space', () => {
    expect(new Guest().load(BASE, 1, 'iova')).toBe('EINVAL');
  });

  it('of no bytes is done', () => {
    expect(new Guest().load(BASE, 0)).toEqual([]);
  });

  it('maps the zero page read-only on a load, and the copy on the store that follows', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.load(BASE);
    const [before] = guest.device.translations();
    expect(before).toMatchObject({ pfn: guest.host.frames.zeroPage, writable: false, address: BASE });
    expect(guest.store(BASE, [9])).toBe('done');
    const [after] = guest.device.translations();
    expect(after).toMatchObject({ pfn: guest.host.pte(guest.mm, BASE)!.pfn, writable: true });
    // The copy opened a window inside the fault itself, so its first round was thrown away.
    expect(guest.host.stat('retries')).toBe(1);
    expect(guest.host.stat('refaults')).toBe(1);
    expect(guest.host.frame(guest.host.frames.zeroPage).accessed).toBe(false);
    expect(guest.broken()).toEqual([]);
  });

  it('maps a page writable on a load where the primary pte is', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.host.populate(guest.mm, BASE, 'rw');
    guest.load(BASE);
    expect([...guest.device.translations()]).toMatchObject([{ writable: true }]);
    expect(guest.store(BASE, [1])).toBe('done');
    expect(guest.host.stat('pf_taken')).toBe(1);
  });

  it('replaces an spte whose permission grows without a window', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.host.populate(guest.mm, BASE, 'r');
    guest.load(BASE);
    // The last other user of the page is gone: the next write fault reuses it.
    guest.host.pte(guest.mm, BASE)!.writable = true;
    expect(guest.store(BASE, [1])).toBe('done');
    expect(guest.load(BASE)).toEqual([1]);
    expect(guest.host.stat('pages_4k')).toBe(1);
    expect(guest.broken()).toEqual([]);
  });

  it('copies a page for the guest that writes to it after a fork', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.store(BASE, [1]);
    const shared = guest.host.pte(guest.mm, BASE)!.pfn;
    guest.host.frame(shared).references++;
    guest.run(guest.host.writeProtect(guest.mm, BASE, BASE + PAGE));
    expect(guest.reachable()).toEqual([]);
    expect(guest.store(BASE, [2])).toBe('done');
    expect(guest.host.frame(shared).bytes[0]).toBe(1);
    expect(guest.load(BASE)).toEqual([2]);
  });

  it('reports what the machine says: no memory, a signal, a poisoned page', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.host.choices.set('kvm: no memory for a page of the table', 1);
    expect(guest.load(BASE)).toBe('ENOMEM');
    guest.host.choices.clear();
    guest.host.signalled = true;
    expect(guest.load(BASE)).toBe('EINTR');
    guest.host.signalled = false;
    guest.store(BASE, [1]);
    const { pfn } = guest.host.pte(guest.mm, BASE)!;
    guest.run(guest.host.window(guest.mm, BASE, BASE + PAGE, 'CLEAR', true, () => undefined));
    guest.host.frame(pfn).poisoned = true;
    expect(guest.load(BASE)).toBe('EHWPOISON');
    expect(guest.host.frame(pfn).references).toBe(1);
    expect(guest.mm.users).toBe(1);
  });

  it('makes a page dirty where it may be written, loads too, and gives accessed to it when the spte goes', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 2);
    guest.host.populate(guest.mm, BASE, 'r');
    guest.host.populate(guest.mm, BASE + PAGE, 'rw');
    guest.load(BASE);
    guest.load(BASE + PAGE);
    const frames = [BASE, BASE + PAGE].map((address) => guest.host.frame(guest.host.pte(guest.mm, address)!.pfn));
    guest.run(guest.host.window(guest.mm, BASE, BASE + 2 * PAGE, 'CLEAR', true, () => undefined));
    expect(frames.map(({ dirty, accessed }) => [dirty, accessed])).toEqual([
      [false, true],
      [true, true],
    ]);
  });
});

describe('two faults on one gfn', () => {
  it('install one spte: the later one finds it under the lock', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.host.populate(guest.mm, BASE, 'rw');
    const first = guest.task('first', guest.access('store', BASE, Uint8Array.of(1))).runTo('mmuLock');
    expect(guest.store(BASE, [2])).toBe('done');
    expect(first.finish()).toBe('done');
    expect(guest.host.stat('pf_spurious')).toBe(1);
    expect(guest.host.stat('pf_fast')).toBe(0);
    expect(guest.load(BASE)).toEqual([1]);
    expect(guest.host.frame(guest.host.pte(guest.mm, BASE)!.pfn).references).toBe(1);
  });

  it('see it without the lock where it is there in time', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    const first = guest.task('first', guest.access('store', BASE, Uint8Array.of(1))).runTo('kvm: exit');
    guest.store(BASE, [2]);
    expect(first.finish()).toBe('done');
    expect(guest.host.stat('pf_fast')).toBe(1);
    expect(guest.host.stat('pf_spurious')).toBe(1);
  });
});

describe('guest-physical addresses', () => {
  const options = { memslots: [{ slot: 0, gpa: 0x10000, size: 2 * PAGE, hva: BASE }] };

  it('go through memslots', () => {
    const guest = new Guest({}, options);
    guest.host.map(guest.mm, BASE, 2);
    expect(guest.store(0x11000, [5], 'gpa')).toBe('done');
    expect(guest.load(BASE + PAGE)).toEqual([5]);
    expect([...guest.device.translations()]).toMatchObject([{ address: BASE + PAGE, deviceAddress: 0x11000 }]);
  });

  it('without a memslot are an MMIO exit', () => {
    const guest = new Guest({}, options);
    expect(guest.load(0x12000, 1, 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.load(2 ** 50, 1, 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.load(BASE + 2 * PAGE)).toBe('EFAULT');
    expect(guest.host.stat('mmio_exits')).toBe(2);
  });

  it('of a readonly memslot are an MMIO exit for stores', () => {
    const guest = new Guest({}, { memslots: [{ ...options.memslots[0], readonly: true }] });
    guest.host.map(guest.mm, BASE, 2);
    guest.host.populate(guest.mm, BASE, 'rw');
    expect(guest.load(0x10000, 1, 'gpa')).toEqual([0]);
    expect(guest.store(0x10000, [1], 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.store(BASE, [1])).toBe('EFAULT');
    expect([...guest.device.translations()]).toMatchObject([{ writable: false }]);
    expect(guest.broken()).toEqual([]);
  });
});
