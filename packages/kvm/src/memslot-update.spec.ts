import { BASE, Guest, PAGE } from '../test/guest.ts';

const M = 2 ** 20;
const SLOT = { slot: 0, gpa: 0, size: 16 * PAGE, hva: BASE };

function guestWithSlot(): Guest {
  const guest = new Guest({}, { memslots: [SLOT] });
  guest.host.map(guest.mm, BASE, 16);
  return guest;
}

describe('the memslot action', () => {
  it('reads numbers with units, decimal and hexadecimal', () => {
    const guest = new Guest({}, { memslots: [] });
    guest.host.map(guest.mm, BASE, 1);
    expect(guest.memslot('2', '0x10000', '64K', '1M')).toBeUndefined();
    expect(guest.memslot('3', '1G', '0x1000', String(BASE), 'readonly')).toBeUndefined();
    expect(guest.store(0x10000, [4], 'gpa')).toBe('done');
    expect(guest.load(2 ** 30, 1, 'gpa')).toEqual([4]);
    expect(guest.store(2 ** 30, [5], 'gpa')).toEqual({ exit: 'mmio' });
  });

  it.each([
    [['0', '0', '0']],
    [['0', '0', '4K', '0', 'write']],
    [['0', '0', '4K', '0', '-', '-']],
    [['0', '0', '4Q', '0']],
    [['zero', '0', '4K', '0']],
    [['0', '-4096', '4K', '0']],
  ])('refuses %j', (words) => expect(new Guest({}, { memslots: [] }).memslot(...words)).toBe('EINVAL'));

  it('means the only VM when no process is named, and says EIO without one', () => {
    const guest = new Guest();
    const action = guest.device.actions!['memslot']!;
    expect(guest.run(action(undefined, ['0', '0', '0', '0']))).toBeUndefined();
    expect(guest.run(action(guest.host.process(), ['0', '0', '4K', '0']))).toBe('EIO');
    guest.run(guest.device.open(guest.host.process()));
    expect(guest.run(action(undefined, ['0', '0', '4K', '0']))).toBe('EINVAL');
    guest.run(guest.device.detach());
    expect(guest.run(action(undefined, ['0', '0', '4K', '0']))).toBe('EIO');
  });

  it('replaces the identity slot', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 16);
    guest.store(BASE, [1]);
    expect(guest.memslot('0', '0', '64K', String(BASE))).toBeUndefined();
    expect(guest.reachable()).toEqual([]);
    expect(guest.load(0, 1, 'gpa')).toEqual([1]);
    expect(guest.load(BASE, 1, 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.memslot('1', '0', '4K', '0')).toBe('EEXIST');
  });
});

describe('deleting a memslot', () => {
  it('drops its translations and no others', () => {
    const guest = guestWithSlot();
    guest.memslot('1', '1M', '4K', String(BASE));
    guest.store(0, [1], 'gpa');
    guest.load(M, 1, 'gpa');
    expect(guest.memslot('0', '0', '0', '0')).toBeUndefined();
    expect(guest.reachable()).toEqual([M]);
    expect(guest.load(0, 1, 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.load(M, 1, 'gpa')).toEqual([1]);
    expect(guest.broken()).toEqual([]);
  });

  it('waits for a fault in the slot, whose translation then goes too', () => {
    const guest = guestWithSlot();
    const fault = guest.task('fault', guest.access('store', 0, Uint8Array.of(1), 'gpa')).runTo('mmuLock');
    const update = guest.task('update', guest.memslotRoutine('0', '0', '0', '0')).runWhileRunnable();
    expect(update.at).toContain('srcu');
    fault.runTo('kvm: enter');
    expect(guest.reachable()).toEqual([0]);
    update.finish();
    expect(guest.reachable()).toEqual([]);
    expect(fault.finish()).toEqual({ exit: 'mmio' });
  });

  it('lets a fault that comes meanwhile wait, then exit', () => {
    const guest = guestWithSlot();
    guest.store(0, [1], 'gpa');
    const update = guest.task('update', guest.memslotRoutine('0', '0', '0', '0')).runTo('remote TLB flush');
    const fault = guest.task('fault', guest.access('load', PAGE, new Uint8Array(1), 'gpa')).runWhileRunnable();
    expect(fault.at).toContain('retryQueue');
    update.finish();
    expect(fault.finish()).toEqual({ exit: 'mmio' });
  });

  it('leaves the slot to notifiers until its translations are gone', () => {
    const guest = guestWithSlot();
    guest.store(0, [1], 'gpa');
    const update = guest.task('update', guest.memslotRoutine('0', '0', '0', '0')).runTo('mmuLock');
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE));
    update.finish();
    expect(guest.broken()).toEqual([]);
  });
});

describe('moving a memslot', () => {
  it('shows the memory at its new place only', () => {
    const guest = guestWithSlot();
    guest.store(0, [1], 'gpa');
    expect(guest.memslot('0', '1M', '64K', String(BASE))).toBeUndefined();
    expect(guest.reachable()).toEqual([]);
    expect(guest.load(0, 1, 'gpa')).toEqual({ exit: 'mmio' });
    expect(guest.load(M, 1, 'gpa')).toEqual([1]);
  });

  it('under a running guest gives the old place, the new one or an exit, never garbage', () => {
    for (let steps = 1; steps < 40; steps++) {
      const guest = guestWithSlot();
      guest.store(0, [1], 'gpa');
      const update = guest.task('update', guest.memslotRoutine('0', '1M', '64K', String(BASE)));
      for (let i = 0; i < steps && !update.done; i++) update.step();
      const data = new Uint8Array(1);
      const access = guest.task('access', guest.access('load', 0, data, 'gpa')).runWhileRunnable();
      update.finish();
      const result = access.done ? access.result : access.finish();
      expect(result === 'done' ? data[0] : result).toEqual(result === 'done' ? 1 : { exit: 'mmio' });
    }
  });
});

describe('slots that alias one hva', () => {
  it('are all invalidated', () => {
    const guest = guestWithSlot();
    guest.memslot('1', '1M', '64K', String(BASE));
    guest.store(PAGE, [1], 'gpa');
    expect(guest.load(M + PAGE, 1, 'gpa')).toEqual([1]);
    guest.run(guest.host.unmap(guest.mm, BASE + PAGE, BASE + 2 * PAGE));
    expect(guest.reachable()).toEqual([]);
    expect(guest.host.stat('translations_invalidated')).toBe(2);
    expect(guest.host.stat('invalidations')).toBe(1);
  });
});

describe('a memslot update', () => {
  it('that changes nothing waits for nothing', () => {
    const guest = guestWithSlot();
    guest.store(0, [1], 'gpa');
    expect(guest.memslot('0', '0', '64K', String(BASE))).toBeUndefined();
    expect(guest.reachable()).toEqual([0]);
  });

  it('of a VM that is being closed is refused with EIO', () => {
    const guest = guestWithSlot();
    const close = guest.task('close', guest.device.close(guest.process)).runTo('unregister');
    expect(guest.memslot('0', '0', '0', '0')).toBe('EIO');
    close.finish();
  });
});
