import { BASE, Guest, PAGE } from '../test/guest.ts';

describe('the world before notifiers (pin)', () => {
  function pinned(): Guest {
    const guest = new Guest({ pin: true });
    guest.host.map(guest.mm, BASE, 4);
    return guest;
  }

  it('registers nothing and pins each page that the guest reaches, once', () => {
    const guest = pinned();
    expect(guest.mm.chain).toEqual([]);
    guest.store(BASE, [1]);
    guest.load(BASE + PAGE);
    guest.load(BASE);
    expect([guest.host.pins, guest.host.stat('pages_pinned'), guest.host.stat('pages_4k')]).toEqual([2, 2, 2]);
    expect(guest.broken()).toEqual([]);
  });

  it('keeps what the process unmaps: the guest sees a stale page, never a freed one', () => {
    const guest = pinned();
    guest.store(BASE, [1]);
    const { pfn } = guest.host.pte(guest.mm, BASE)!;
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE));
    expect(guest.load(BASE)).toEqual([1]);
    expect(guest.store(BASE, [2])).toBe('done');
    expect(guest.host.frame(pfn).references).toBe(1);
    guest.run(guest.device.close(guest.process));
    expect(guest.host.frameTable.has(pfn)).toBe(false);
    expect([guest.host.pins, guest.host.stat('pages_pinned')]).toEqual([0, 0]);
  });

  it('outlives the process until the owner closes it', () => {
    const guest = pinned();
    guest.store(BASE, [1]);
    guest.run(guest.host.exit(guest.process));
    expect(guest.load(BASE)).toEqual([1]);
    expect(guest.load(BASE + PAGE)).toBe('EFAULT');
    guest.run(guest.device.close(guest.process));
    expect([guest.host.pins, guest.mm.grabs, guest.host.frameTable.size]).toEqual([0, 0, 1]);
    expect(guest.load(BASE)).toBe('EIO');
  });

  it('flushes before it lets go of a pin that is the last reference', () => {
    const guest = pinned();
    guest.store(BASE, [1]);
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE));
    expect(guest.memslot('0', '0', '0', '0')).toBeUndefined();
    expect(guest.host.pins).toBe(0);
    expect(guest.host.frameTable.size).toBe(1);
  });

  it('drops the pin of a fault that lost against another, and of one that failed', () => {
    const guest = pinned();
    const first = guest.task('first', guest.access('store', BASE, Uint8Array.of(1))).runTo('mmuLock');
    guest.store(BASE, [2]);
    expect(guest.host.pins).toBe(2);
    first.finish();
    expect(guest.host.pins).toBe(1);
    const second = guest.task('second', guest.access('store', BASE + PAGE, Uint8Array.of(1))).runTo('mmuLock');
    const close = guest.task('close', guest.device.close(guest.process)).runWhileRunnable();
    expect(close.done).toBe(false);
    expect(second.finish()).toBe('EFAULT');
    close.finish();
    expect(guest.host.pins).toBe(0);
  });

  it('moves the pin when a read-only page becomes writable', () => {
    const guest = pinned();
    guest.host.map(guest.mm, BASE, 1, 'r');
    guest.load(BASE);
    guest.host.map(guest.mm, BASE, 1, 'rw');
    expect(guest.store(BASE, [3])).toBe('done');
    expect([guest.host.pins, guest.host.stat('pages_pinned')]).toEqual([1, 1]);
    expect(guest.broken()).toEqual([]);
  });

  it('says so in its traits', async () => {
    const { kvm } = await import('./plugin.ts');
    expect(kvm({ pin: true }).traits).toMatchObject({ pins: 'longterm', callbacks: {} });
    expect(kvm().traits).toMatchObject({ pins: 'none', callbacks: { invalidateRangeStart: 'atomic' } });
  });
});
