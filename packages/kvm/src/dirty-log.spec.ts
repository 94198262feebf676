/** The dirty log, after the KVM self-test `dirty_log_test`: what is reported was written, what is written is reported. */
import { BASE, Guest, PAGE } from '../test/guest.ts';

const PAGES = 16;

function logged(mode: 'direct' | 'shadow'): Guest {
  const guest = new Guest({ mode });
  guest.host.map(guest.mm, BASE, PAGES);
  expect(region(guest, 'log')).toBeUndefined();
  return guest;
}

function region(guest: Guest, flags: string): unknown {
  return guest.memslot('0', '0', String(PAGES * PAGE), String(BASE), flags);
}

function dirty(guest: Guest, slot = '0'): unknown {
  return guest.run(guest.device.actions!['dirty_log']!(guest.process, [slot]));
}

describe.each(['direct', 'shadow'] as const)('the dirty log, %s', (mode) => {
  it('has each page that was written since it was read, and no other', () => {
    const guest = logged(mode);
    for (const page of [3, 1, 3]) guest.store(page * PAGE, [1], 'gpa');
    guest.load(5 * PAGE, 1, 'gpa');
    expect([dirty(guest), dirty(guest)]).toEqual(['1 3', '']);
    guest.store(3 * PAGE, [2], 'gpa');
    guest.store(5 * PAGE, [2], 'gpa');
    expect(dirty(guest)).toBe('3 5');
    expect(guest.broken()).toEqual([]);
  });

  it('begins with pages that are writable already, and ends without a fault', () => {
    const guest = new Guest({ mode });
    guest.host.map(guest.mm, BASE, PAGES);
    region(guest, '-');
    guest.store(0, [1], 'gpa');
    expect(region(guest, 'log')).toBeUndefined();
    expect(dirty(guest)).toBe('');
    guest.store(0, [2], 'gpa');
    expect(dirty(guest)).toBe('0');
    expect(region(guest, '-')).toBeUndefined();
    guest.store(0, [3], 'gpa');
    expect(dirty(guest)).toBe('ENOENT');
  });

  it('is no log of a slot that has none or does not exist', () => {
    const guest = logged(mode);
    expect([dirty(guest, '1'), dirty(guest, 'x')]).toEqual(['ENOENT', 'EINVAL']);
  });

  it('loses no write that falls between taking the bits and protecting the pages', () => {
    const guest = logged(mode);
    guest.store(0, [1], 'gpa');
    const read = guest.task('read', guest.device.actions!['dirty_log']!(guest.process, ['0']));
    read.runTo('kvm: dirty log taken');
    guest.store(0, [2], 'gpa');
    // Through a page that is still writable: it belongs to this round's report.
    expect(read.finish()).toBe('0');
    guest.store(0, [3], 'gpa');
    expect(dirty(guest)).toBe('0');
  });
});

describe('the fast page fault', () => {
  it('gives the write permission back without mmuLock, and logs the page', () => {
    const guest = logged('direct');
    guest.store(0, [1], 'gpa');
    dirty(guest);
    const before = guest.host.stat('pf_fast');
    const store = guest.task('store', guest.access('store', 0, Uint8Array.of(2), 'gpa'));
    store.runTo('kvm: mark the page dirty');
    expect(store.finish()).toBe('done');
    expect([guest.host.stat('pf_fast') - before, dirty(guest)]).toEqual([1, '0']);
  });

  it('gives none back where the host or the memslot forbids it', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, PAGES);
    guest.host.populate(guest.mm, BASE, 'r');
    region(guest, 'log');
    guest.load(0, 1, 'gpa');
    expect(guest.store(0, [1], 'gpa')).toBe('done');
    expect(guest.host.stat('pf_fast')).toBe(0);
  });
});
