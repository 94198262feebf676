import type { MmuNotifierOps, VirtualAddress } from '@mmu-notifier/plugin-api';
import { BASE, Guest, PAGE } from '../test/guest.ts';

function setUp(): { guest: Guest; ops: Required<MmuNotifierOps>; young: (mode: Mode, address?: number) => boolean } {
  const guest = new Guest();
  guest.host.map(guest.mm, BASE, 4);
  guest.store(BASE, [1]);
  const ops = guest.mm.chain[0] as Required<MmuNotifierOps>;
  const young = (mode: Mode, address = BASE): boolean => {
    const start = address as VirtualAddress;
    const end = (address + PAGE) as VirtualAddress;
    return guest.run(mode === 'testYoung' ? ops.testYoung(guest.mm, start) : ops[mode](guest.mm, start, end));
  };
  return { guest, ops, young };
}

type Mode = 'testYoung' | 'clearYoung' | 'clearFlushYoung';

describe('aging', () => {
  it('finds the page young that the guest used, once', () => {
    const { young } = setUp();
    expect(young('testYoung')).toBe(true);
    expect(young('testYoung')).toBe(true);
    expect(young('clearFlushYoung')).toBe(true);
    expect(young('testYoung')).toBe(false);
    expect(young('clearFlushYoung')).toBe(false);
  });

  it('with a flush sees the next use', () => {
    const { guest, young } = setUp();
    young('clearFlushYoung');
    guest.load(BASE);
    expect(young('testYoung')).toBe(true);
    expect(guest.host.stat('tlb_flush')).toBe(1);
    expect(guest.host.stat('pf_taken')).toBe(1);
  });

  it('without a flush misses a use that hits the TLB', () => {
    const { guest, young } = setUp();
    expect(young('clearYoung')).toBe(true);
    guest.load(BASE);
    expect(young('testYoung')).toBe(false);
    expect(guest.host.stat('tlb_flush')).toBe(0);
  });

  it('does not drop translations, and flushes nothing where all are idle', () => {
    const { guest, young } = setUp();
    young('clearFlushYoung');
    const flushes = guest.host.stat('remote_tlb_flush_requests');
    young('clearFlushYoung');
    expect(guest.host.stat('remote_tlb_flush_requests')).toBe(flushes);
    expect(guest.reachable()).toEqual([BASE]);
    expect(guest.broken()).toEqual([]);
  });

  it('answers idle for what the guest has not mapped', () => {
    const { young } = setUp();
    expect(young('testYoung', BASE + PAGE)).toBe(false);
    expect(young('clearFlushYoung', BASE + PAGE)).toBe(false);
  });

  it('visits every alias, and keeps the others of a range', () => {
    const guest = new Guest(
      {},
      {
        memslots: [
          { slot: 0, gpa: 0, size: 2 * PAGE, hva: BASE },
          { slot: 1, gpa: 0x10000, size: PAGE, hva: BASE },
        ],
      },
    );
    guest.host.map(guest.mm, BASE, 2);
    guest.load(0x10000, 1, 'gpa');
    const ops = guest.mm.chain[0] as Required<MmuNotifierOps>;
    expect(guest.run(ops.testYoung(guest.mm, (BASE + 5) as VirtualAddress))).toBe(true);
    expect(guest.run(ops.testYoung(guest.mm, (BASE + PAGE) as VirtualAddress))).toBe(false);
    expect(guest.run(ops.clearYoung(guest.mm, 0 as VirtualAddress, (BASE * 2) as VirtualAddress))).toBe(true);
    expect(guest.run(ops.testYoung(guest.mm, BASE as VirtualAddress))).toBe(false);
  });
});
