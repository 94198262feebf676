import { ALONE, FakeLedger, MM, page } from '../../test/fake-ledger.ts';
import { Tlb } from './tlb.ts';

const OTHER = { id: 2, users: 1 };

function tlbOf(entries = 64): { tlb: Tlb; ledger: FakeLedger; pages: (asid: number) => readonly number[] } {
  const ledger = new FakeLedger();
  const tlb = new Tlb(ledger, entries, ALONE);
  const pages = (asid: number): readonly number[] =>
    [...tlb.reachable()]
      .filter((it) => it.asid === asid)
      .map((it) => it.page)
      .sort((a, b) => a - b);
  return { tlb, ledger, pages };
}

describe('a TLB', () => {
  it('hits what was dropped in, for the ASID and the access that it was dropped in for', () => {
    const { tlb } = tlbOf();
    tlb.fill(8, page(5, 100, false));
    expect(tlb.probe(8, 5, 'load')).toBe(0);
    expect(tlb.probe(8, 5, 'store')).toBe(-1);
    expect(tlb.probe(16, 5, 'load')).toBe(-1);
    expect(tlb.probe(8, 6, 'load')).toBe(-1);
  });

  it('replaces the entry of a page when one is dropped in with more permission', () => {
    const { tlb, ledger } = tlbOf();
    tlb.fill(8, page(5, 100, false));
    tlb.fill(8, page(5, 101));
    expect(tlb.probe(8, 5, 'store')).toBe(1);
    expect(ledger.live).toEqual([101]);
    expect(tlb.residentsOf(8)).toBe(1);
  });

  it('drops an old entry of the set for a new one, and says so', () => {
    const { tlb, ledger } = tlbOf(4);
    for (let i = 0; i < 6; i++) tlb.fill(8, page(i, 100 + i));
    expect(ledger.live).toHaveLength(4);
    expect(tlb.residentsOf(8)).toBe(4);
    expect(tlb.probe(8, 5, 'load')).toBe(5);
  });

  it('works with a single entry', () => {
    const { tlb, ledger } = tlbOf(1);
    tlb.fill(8, page(1, 100));
    tlb.fill(16, page(2, 101));
    expect(ledger.live).toEqual([101]);
  });

  it.each([1, 3, 1000])('purges a range of one ASID and leaves the rest, %d pages', (count) => {
    const { tlb, ledger, pages } = tlbOf();
    for (const number of [9, 10, 12, 2000]) tlb.fill(8, page(number, number));
    tlb.fill(16, page(10, 77));
    tlb.purge(8, 10, count);
    expect(pages(8)).toEqual([9, 12, 2000].filter((number) => number < 10 || number >= 10 + count));
    expect(pages(16)).toEqual([10]);
    expect([...ledger.live].sort((a, b) => a - b)).toEqual([...pages(8), 77].sort((a, b) => a - b));
  });

  it('purges an ASID, and everything', () => {
    const { tlb, ledger } = tlbOf();
    for (const asid of [8, 16]) for (let i = 0; i < 5; i++) tlb.fill(asid, page(i, asid + i));
    tlb.purgeAsid(8);
    expect([tlb.residentsOf(8), tlb.residentsOf(16)]).toEqual([0, 5]);
    tlb.purgeAll();
    expect([tlb.residentsOf(16), ledger.live]).toEqual([0, []]);
  });

  it('keeps what was given up where nobody may use it: a hit is the use of a flushed translation', () => {
    const { tlb, ledger, pages } = tlbOf();
    tlb.fill(8, page(1, 100));
    tlb.fill(8, page(2, 101, true, OTHER));
    tlb.abandon(8, MM);
    tlb.abandon(8, MM);
    expect(ledger.live).toEqual([101]);
    expect(pages(8)).toEqual([2]);
    const entry = tlb.probe(8, 1, 'load');
    expect(() => ledger.load(entry as never, 0, 1, new Uint8Array(1), 0)).toThrow('was flushed');
    tlb.purgeAll();
    expect(tlb.probe(8, 1, 'load')).toBe(-1);
  });

  it('drops an entry that was given up without a word', () => {
    const { tlb, ledger } = tlbOf(1);
    tlb.fill(8, page(1, 100));
    tlb.abandon(8, MM);
    tlb.fill(16, page(1, 101));
    expect(ledger.live).toEqual([101]);
  });

  it('finds pages at any address of 47 bits', () => {
    const { tlb } = tlbOf(16);
    for (const number of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 35 - 2]) {
      tlb.fill(0xfffff0 - 8, page(number, 5));
      expect(tlb.probe(0xfffff0 - 8, number, 'load')).not.toBe(-1);
    }
  });
});
