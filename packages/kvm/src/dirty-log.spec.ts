/** The dirty log, after the KVM self-test `dirty_log_test`: what is reported was written, what is written is reported. */
import { BASE, Guest, PAGE } from '../test/guest.ts';
import { PagingGuest } from '../test/paging-guest.ts';
import type { KvmOptions } from './options.ts';

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

function act(guest: Guest, verb: string, ...words: string[]): unknown {
  return guest.run(guest.device.actions![verb]!(guest.process, words));
}

function loggedBy(options: KvmOptions): Guest {
  const guest = new Guest(options);
  guest.host.map(guest.mm, BASE, 128);
  expect(guest.memslot('0', '0', String(128 * PAGE), String(BASE), 'log')).toBeUndefined();
  return guest;
}

describe.each(['direct', 'shadow'] as const)('the dirty log that is cleared by hand, %s', (mode) => {
  it('keeps what it says until it is told that the page has been copied', () => {
    const guest = loggedBy({ mode, dirtyLog: 'clear' });
    for (const page of [0, 3, 70]) guest.store(page * PAGE, [1], 'gpa');
    expect([dirty(guest), dirty(guest)]).toEqual(['0 3 70', '0 3 70']);
    const faults = guest.host.stat('exits');
    guest.store(3 * PAGE, [2], 'gpa');
    expect(guest.host.stat('exits')).toBe(faults);
    expect(act(guest, 'clear_dirty_log', '0', '0', '64', '3', '5')).toBeUndefined();
    expect(dirty(guest)).toBe('0 70');
    guest.store(3 * PAGE, [3], 'gpa');
    expect(dirty(guest)).toBe('0 3 70');
    expect(guest.broken()).toEqual([]);
  });

  it('is cleared in pieces of 64 pages, the last of which may be shorter', () => {
    const guest = loggedBy({ mode, dirtyLog: 'clear' });
    const clear = (...words: string[]): unknown => act(guest, 'clear_dirty_log', ...words);
    expect(clear('0', '1', '64')).toBe('EINVAL');
    expect(clear('0', '0', '63')).toBe('EINVAL');
    expect(clear('0', '64', '65')).toBe('EINVAL');
    expect(clear('0', '0', '64', '64')).toBe('EINVAL');
    expect(clear('0', '64', '64', '127')).toBeUndefined();
    expect(clear('1', '0', '64')).toBe('ENOENT');
    expect(act(loggedBy({ mode }), 'clear_dirty_log', '0', '0', '64')).toBe('EINVAL');
  });
});

describe.each(['direct', 'shadow'] as const)('a dirty ring, %s', (mode) => {
  it('has what its vCPU wrote, in order, and again after a reset', () => {
    const guest = loggedBy({ mode, dirtyLog: 'ring', vcpus: 2 });
    for (const page of [3, 1, 3]) guest.store(page * PAGE, [1], 'gva');
    guest.store(5 * PAGE, [1], 'gva@1');
    expect(dirty(guest)).toBe('ENXIO');
    expect([act(guest, 'dirty_ring'), act(guest, 'dirty_ring')]).toEqual(['0:3 0:1', '']);
    expect(act(guest, 'dirty_ring', 'vcpu=1')).toBe('0:5');
    expect(act(guest, 'reset_dirty_rings')).toBe('3');
    guest.store(1 * PAGE, [2], 'gva');
    expect([act(guest, 'dirty_ring'), act(guest, 'reset_dirty_rings')]).toEqual(['0:1', '1']);
    expect(guest.broken()).toEqual([]);
  });

  it('stops its guest when it is nearly full, and no other', () => {
    const guest = new Guest({ mode, dirtyLog: 'ring', vcpus: 2 });
    guest.host.map(guest.mm, BASE, 256);
    guest.memslot('0', '0', String(256 * PAGE), String(BASE), 'log');
    for (let page = 0; page < 192; page++) expect(guest.store(page * PAGE, [1], 'gva')).toBe('done');
    expect(guest.store(200 * PAGE, [1], 'gva')).toEqual({ exit: 'dirty-ring-full' });
    expect(guest.store(200 * PAGE, [1], 'gva@1')).toBe('done');
    act(guest, 'dirty_ring');
    expect(guest.store(200 * PAGE, [1], 'gva')).toEqual({ exit: 'dirty-ring-full' });
    expect(act(guest, 'reset_dirty_rings')).toBe('192');
    expect(guest.store(200 * PAGE, [1], 'gva')).toBe('done');
    expect(guest.broken()).toEqual([]);
  });

  it('is not there where logs are kept', () => {
    const guest = loggedBy({ mode });
    expect([act(guest, 'dirty_ring'), act(guest, 'reset_dirty_rings')]).toEqual(['ENXIO', 'EINVAL']);
    expect(() => new Guest({ dirtyLog: 'ring', dirtyRingEntries: 300 })).toThrow('a power of two from 256 to 65536');
    expect(() => new Guest({ dirtyLog: 'no' as never })).toThrow('dirtyLog is "get", "clear" or "ring", found "no"');
  });
});

describe('what KVM writes in the place of the guest', () => {
  const GVA = 0x40000000;

  it('is logged too: an emulated store to a table, and the bits that it sets in an entry', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, BASE + PAGE, { clean: true });
    guest.memslot('0', '0', String(512 * PAGE), '0', 'log');
    guest.read(GVA);
    const table = Math.floor(guest.entryOf(GVA) / PAGE);
    expect(dirty(guest)).toBe(String(table));
    // The table of the level above is write-protected, so the store comes to KVM.
    const above = guest.entryOf(GVA, 2);
    guest.put(above + 8, new Uint8Array(8));
    expect(dirty(guest)).toBe(String(Math.floor(above / PAGE)));
  });
});
