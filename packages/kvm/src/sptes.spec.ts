import type { LedgerEntry, Pfn } from '@mmu-notifier/plugin-api';
import { GFN_LIMIT } from './memslots.ts';
import { SpteBits, Sptes } from './sptes.ts';

const ALL = GFN_LIMIT;

function table(): { sptes: Sptes; linked: () => number; unlinked: () => number } {
  let linked = 0;
  let unlinked = 0;
  const sptes = new Sptes({ tableLinked: () => void linked++, tableUnlinked: () => void unlinked++ });
  return { sptes, linked: () => linked, unlinked: () => unlinked };
}

function install(sptes: Sptes, gfn: number, pfn = 7): void {
  sptes.install(gfn, pfn as Pfn, SpteBits.Writable, (gfn + 1) as LedgerEntry);
}

function presentOf(sptes: Sptes, first = 0, end = ALL): number[] {
  const found: number[] = [];
  for (let gfn = sptes.nextPresent(first, end); gfn >= 0; gfn = sptes.nextPresent(gfn + 1, end)) found.push(gfn);
  return found;
}

describe('the direct table', () => {
  it('keeps pfn, bits and ledger entry of an spte, also above 2^32', () => {
    const { sptes } = table();
    const gfn = 2 ** 35 + 511;
    sptes.install(gfn, 0xfffffffe as Pfn, SpteBits.Writable, (2 ** 40) as LedgerEntry);
    expect(sptes.pfn(gfn)).toBe(0xfffffffe);
    expect(sptes.bits(gfn)).toBe(SpteBits.Present | SpteBits.Writable);
    expect(sptes.ledgerEntry(gfn)).toBe(2 ** 40);
    expect(sptes.bits(gfn - 2 ** 32)).toBe(0);
    expect(sptes.bits(gfn + 2 ** 36)).toBe(0);
  });

  it('refuses a second spte of a gfn', () => {
    const { sptes } = table();
    install(sptes, 5);
    expect(() => install(sptes, 5)).toThrow('has an spte already');
  });

  it('links the pages on the way and unlinks those that became empty', () => {
    const { sptes, linked, unlinked } = table();
    install(sptes, 0);
    install(sptes, 1);
    expect(linked()).toBe(3);
    install(sptes, 512);
    expect(linked()).toBe(4);
    sptes.remove(0);
    expect(unlinked()).toBe(0);
    sptes.remove(1);
    expect(unlinked()).toBe(1);
    sptes.remove(512);
    expect([linked(), unlinked(), sptes.count]).toEqual([4, 4, 0]);
    expect(sptes.leaf(0)).toBeUndefined();
  });

  it('gives a page that was unlinked back empty', () => {
    const { sptes } = table();
    install(sptes, 3);
    sptes.remove(3);
    install(sptes, 2 ** 20 + 4);
    expect(presentOf(sptes)).toEqual([2 ** 20 + 4]);
    expect(sptes.bits(2 ** 20 + 3)).toBe(0);
  });

  it('finds what is present in a range whose borders cut through pages of the table', () => {
    const { sptes } = table();
    const gfns = [0, 31, 32, 511, 512, 2 ** 18 - 1, 2 ** 18, 2 ** 27 + 5, 2 ** 35, ALL - 1];
    gfns.forEach((gfn) => install(sptes, gfn));
    expect(presentOf(sptes)).toEqual(gfns);
    expect(presentOf(sptes, 32, 512)).toEqual([32, 511]);
    expect(presentOf(sptes, 33, 2 ** 18)).toEqual([511, 512, 2 ** 18 - 1]);
    expect(presentOf(sptes, 2 ** 27 + 6, 2 ** 35)).toEqual([]);
    expect(presentOf(sptes, 9, 9)).toEqual([]);
  });

  it('agrees with a plain set over many installs and removals', () => {
    const { sptes } = table();
    const model = new Set<number>();
    let random = 12345;
    const next = (n: number): number => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return Math.floor((random / 2 ** 32) * n);
    };
    for (let i = 0; i < 3000; i++) {
      const gfn = [1, 600, 2 ** 18, 2 ** 28, 2 ** 35][next(5)]! + next(40) * 17;
      if (model.delete(gfn)) {
        sptes.remove(gfn);
      } else {
        model.add(gfn);
        install(sptes, gfn);
      }
      if (i % 100 === 0) {
        const first = next(2000);
        const wanted = [...model].filter((g) => g >= first && g < 2 ** 28 + 300).sort((a, b) => a - b);
        expect(presentOf(sptes, first, 2 ** 28 + 300)).toEqual(wanted);
        expect([...sptes.miscounted()]).toEqual([]);
      }
    }
    expect(sptes.count).toBe(model.size);
  });

  it('tells pages whose count is wrong', () => {
    const { sptes } = table();
    install(sptes, 9);
    sptes.leaf(9)!.present = 2;
    expect([...sptes.miscounted()].map(({ level }) => level)).toEqual([0]);
  });
});
