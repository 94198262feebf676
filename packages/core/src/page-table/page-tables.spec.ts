import fc from 'fast-check';
import { violation } from '../../test/machine.ts';
import { FrameFlags, FrameTable } from '../memory/frame-table.ts';
import { PhysicalMemory } from '../memory/physical-memory.ts';
import { TASK_SIZE } from '../types.ts';
import { LEVEL_SPAN, PageTables } from './page-tables.ts';
import { Pte } from './pte.ts';

const TWO_MIB = 2 ** 21;
const GIB = 2 ** 30;

/** Tables over frames 1, 2, …; frame 0 is the root. */
function tablesOf() {
  const memory = new PhysicalMemory(4096);
  const table = new FrameTable(4096);
  const tables = new PageTables(memory, table);
  tables.becomeTable(0);
  let next = 1;
  const link = (va: number): number => {
    while (tables.missingLevel(0, va) > 0) {
      memory.zero(next);
      tables.link(0, va, next++);
    }
    return tables.walk(0, va);
  };
  return { memory, table, tables, link, used: () => next - 1 };
}

describe('page tables', () => {
  it('are absent until they are linked, level by level', () => {
    const { tables, link, memory } = tablesOf();
    expect(tables.walk(0, 0x1234000)).toBe(-1);
    expect(tables.missingLevel(0, 0x1234000)).toBe(3);
    memory.zero(100);
    tables.link(0, 0x1234000, 100);
    expect(tables.missingLevel(0, 0x1234000)).toBe(2);
    const slot = link(0x1234000);
    expect(tables.missingLevel(0, 0x1234000)).toBe(0);
    expect(slot % 512).toBe(0x34);
  });

  it('share the tables of neighbours and nothing with strangers', () => {
    const { link, used } = tablesOf();
    link(0);
    expect(used()).toBe(3);
    link(TWO_MIB - 4096);
    expect(used()).toBe(3);
    link(TWO_MIB);
    expect(used()).toBe(4);
    link(GIB);
    expect(used()).toBe(6);
    link(TASK_SIZE - 4096);
    expect(used()).toBe(9);
  });

  it('move entries as if one by one', () => {
    const { tables, link, table } = tablesOf();
    const from = link(0x5000);
    const to = link(TWO_MIB + 0x9000);
    tables.set(from, Pte.Present, 77);
    tables.set(from + 2, Pte.Swap, 5);
    tables.move(from, to, 3);
    const read = (slot: number): number[] => [tables.flags(slot), tables.frame(slot)];
    expect([read(to), read(to + 1), read(to + 2)]).toEqual([
      [Pte.Present, 77],
      [Pte.None, 0],
      [Pte.Swap, 5],
    ]);
    expect([read(from), read(from + 2)]).toEqual([
      [Pte.None, 0],
      [Pte.None, 0],
    ]);
    expect([table.private[tables.leafTable(0, 0)], table.private[tables.leafTable(0, TWO_MIB)]]).toEqual([0, 2]);
  });

  it('count their entries that are not none', () => {
    const { tables, link, table } = tablesOf();
    const slot = link(0x5000);
    const leaf = tables.leafTable(0, 0x5000);
    tables.set(slot, Pte.Present, 77);
    tables.set(slot, Pte.Swap, 5);
    expect(table.private[leaf]).toBe(1);
    tables.set(slot, Pte.None, 0);
    expect(table.private[leaf]).toBe(0);
  });

  it('hold flags and a frame number of 32 bits', () => {
    const { tables, link } = tablesOf();
    const slot = link(0x7000);
    tables.set(slot, Pte.Present | Pte.Dirty, 2 ** 32 - 1);
    expect([tables.flags(slot), tables.frame(slot)]).toEqual([Pte.Present | Pte.Dirty, 2 ** 32 - 1]);
    tables.setBits(slot, Pte.Accessed, Pte.Dirty);
    expect(tables.flags(slot)).toBe(Pte.Present | Pte.Accessed);
  });

  it('tell a changed entry from bits that hardware sets', () => {
    const { tables, link } = tablesOf();
    const slot = link(0x7000);
    const seen: number[][] = [];
    tables.observer = { pteChanged: (...change) => seen.push(change) };
    tables.set(slot, Pte.Present, 9);
    tables.setBits(slot, Pte.Accessed, 0);
    expect(seen).toEqual([[slot, 0, 0, Pte.Present, 9]]);
  });

  it('catch a walk through a table that was freed', () => {
    const { tables, link, table } = tablesOf();
    link(0x7000);
    table.clear(tables.leafTable(0, 0x7000), FrameFlags.PageTable);
    expect(violation(() => tables.walk(0, 0x7000)).message).toMatch('a walk stays inside page tables');
  });
});

describe('nextLeaf', () => {
  it('skips what is absent, whole tables at a time', () => {
    const { tables, link } = tablesOf();
    link(5 * GIB + 3 * TWO_MIB);
    expect(tables.nextLeaf(0, 0, TASK_SIZE)).toBe(5 * GIB + 3 * TWO_MIB);
    expect(tables.nextLeaf(0, 5 * GIB + 4 * TWO_MIB, TASK_SIZE)).toBe(TASK_SIZE);
    expect(tables.nextLeaf(0, 0, 5 * GIB)).toBe(5 * GIB);
  });

  it('answers where it was asked when a table is there', () => {
    const { tables, link } = tablesOf();
    link(0x6000);
    expect(tables.nextLeaf(0, 0x3000, TASK_SIZE)).toBe(0x3000);
  });
});

describe('unlinkRange', () => {
  it('unlinks the tables that nobody needs, the leaf first', () => {
    const { tables, link, table } = tablesOf();
    link(3 * GIB);
    const leaf = tables.leafTable(0, 3 * GIB);
    const freed = tables.unlinkRange(0, 3 * GIB, 3 * GIB + 4096, 0, TASK_SIZE);
    expect(freed[0]).toBe(leaf);
    // The entry of the top level ends beyond user space only in the last one, so all three go.
    expect(freed).toHaveLength(3);
    expect(freed.some((pfn) => table.has(pfn, FrameFlags.PageTable))).toBe(false);
    expect(tables.nextLeaf(0, 0, TASK_SIZE)).toBe(TASK_SIZE);
    expect(table.private[0]).toBe(0);
  });

  it('keeps a table that reaches below the floor or above the ceiling', () => {
    const { tables, link } = tablesOf();
    link(GIB);
    const [start, end] = [GIB + 0x10000, GIB + 0x20000];
    expect(tables.unlinkRange(0, start, end, GIB + 0x8000, TASK_SIZE)).toEqual([]);
    expect(tables.unlinkRange(0, start, end, 0, GIB + TWO_MIB - 4096)).toEqual([]);
    expect(tables.unlinkRange(0, start, end, GIB, GIB + TWO_MIB)).toHaveLength(1);
  });

  it('keeps a table that still maps something', () => {
    const { tables, link } = tablesOf();
    tables.set(link(GIB + 4096), Pte.Present, 9);
    expect(tables.unlinkRange(0, GIB, GIB + 4096, 0, TASK_SIZE)).toEqual([]);
  });
});

describe('page tables against a map', () => {
  it('find what was set and nothing else', () => {
    const page = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 35 - 2 }));
    fc.assert(
      fc.property(fc.array(page, { maxLength: 40 }), (pages) => {
        const { tables, link } = tablesOf();
        const naive = new Map<number, number>();
        pages.forEach((vpn, i) => {
          tables.set(link(vpn * 4096), Pte.Present, 1000 + i);
          naive.set(vpn, 1000 + i);
        });
        for (const [vpn, frame] of naive) expect(tables.frame(tables.walk(0, vpn * 4096))).toBe(frame);
        const leaves = [...new Set([...naive.keys()].map((vpn) => Math.floor(vpn / 512)))].sort((a, b) => a - b);
        const found: number[] = [];
        for (let va = tables.nextLeaf(0, 0, TASK_SIZE); va < TASK_SIZE;) {
          found.push(Math.floor(va / LEVEL_SPAN[1]));
          va = tables.nextLeaf(0, (Math.floor(va / LEVEL_SPAN[1]) + 1) * LEVEL_SPAN[1], TASK_SIZE);
        }
        expect(found).toEqual(leaves);
      }),
      { numRuns: 50 },
    );
  });
});
