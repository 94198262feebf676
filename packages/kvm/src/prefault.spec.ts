/** Mapping guest memory before the guest touches it, after the KVM self-test `pre_fault_memory_test`. */
import { BASE, Guest, PAGE } from '../test/guest.ts';

const guestOf = (mode: 'direct' | 'shadow'): Guest => {
  const guest = new Guest({ mode });
  guest.host.map(guest.mm, BASE, 8);
  expect(guest.memslot('0', '0', String(8 * PAGE), String(BASE))).toBeUndefined();
  return guest;
};

const prefault = (guest: Guest, gpa: number, size: number): unknown =>
  guest.run(guest.device.actions!['prefault']!(guest.process, [String(gpa), String(size)]));

describe('prefault', () => {
  it('maps what is asked for, so that the guest does not fault', () => {
    const guest = guestOf('direct');
    expect(prefault(guest, PAGE, 3 * PAGE)).toBeUndefined();
    expect(guest.reachable()).toEqual([PAGE, 2 * PAGE, 3 * PAGE]);
    const exits = guest.host.stat('exits');
    expect(guest.load(2 * PAGE, 1, 'gpa')).toEqual([0]);
    expect(guest.host.stat('exits')).toBe(exits);
  });

  it('stops at the end of the memslot, and keeps what it has mapped', () => {
    const guest = guestOf('direct');
    expect(prefault(guest, 6 * PAGE, 4 * PAGE)).toBe('ENOENT');
    expect(guest.reachable()).toEqual([6 * PAGE, 7 * PAGE]);
  });

  it('takes whole pages, and no shadow paging', () => {
    expect([prefault(guestOf('direct'), 1, PAGE), prefault(guestOf('direct'), 0, 0)]).toEqual(['EINVAL', 'EINVAL']);
    expect(prefault(guestOf('shadow'), 0, PAGE)).toBe('EOPNOTSUPP');
  });
});
