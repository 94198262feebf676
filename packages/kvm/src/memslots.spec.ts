import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import { USER_MEMSLOTS, planMemslotChange } from './memory-region.ts';
import { GFN_LIMIT, IDENTITY_MEMSLOT, Memslots, hvaOfGfn } from './memslots.ts';
import type { Memslot } from './memslots.ts';

const K = 1024;
const M = K * K;

function slot(id: number, baseGfn: number, npages: number, hvaPage: number): Memslot {
  return {
    id,
    baseGfn,
    npages,
    userspaceAddr: hvaPage * PAGE_SIZE,
    access: 'read-write',
    state: 'valid',
    dirty: undefined,
  };
}

describe('look-ups in memslots', () => {
  const low = slot(3, 0, 16, 100);
  const alias = slot(1, 64, 8, 104);
  const far = slot(2, 2 ** 35, 4, 500);
  const slots = new Memslots([alias, far, low]);

  it('finds the slot of a gfn and only there', () => {
    expect([0, 15, 16, 63, 64, 71, 72, 2 ** 35 + 3, 2 ** 35 + 4].map((gfn) => slots.slotOfGfn(gfn)?.id)).toEqual([
      3,
      3,
      undefined,
      undefined,
      1,
      1,
      undefined,
      2,
      undefined,
    ]);
  });

  it('sees a process address through the slot with the lowest id', () => {
    expect(slots.gfnOfHva(103 * PAGE_SIZE + 5)).toBe(3);
    expect(slots.gfnOfHva(104 * PAGE_SIZE)).toBe(64);
    expect(slots.gfnOfHva(112 * PAGE_SIZE)).toBe(12);
    expect(slots.gfnOfHva(99 * PAGE_SIZE)).toBe(-1);
    expect(slots.gfnOfHva(116 * PAGE_SIZE)).toBe(-1);
  });

  it('visits every alias of an hva range, clipped', () => {
    const ranges = slots.rangesOfHva(103 * PAGE_SIZE, 106 * PAGE_SIZE);
    expect(ranges.map(({ slot: { id }, first, end }) => [id, first, end])).toEqual([
      [3, 3, 6],
      [1, 64, 66],
    ]);
  });

  it('counts a page that a range touches with one byte', () => {
    expect(slots.rangesOfHva(500 * PAGE_SIZE + 7, 500 * PAGE_SIZE + 8)).toEqual([
      { slot: far, first: 2 ** 35, end: 2 ** 35 + 1 },
    ]);
  });

  it('finds a long slot behind shorter ones that end before the range', () => {
    const many = new Memslots([slot(0, 0, 1000, 0), slot(1, 2000, 1, 10), slot(2, 3000, 1, 20)]);
    expect(many.rangesOfHva(900 * PAGE_SIZE, 901 * PAGE_SIZE).map(({ slot: { id } }) => id)).toEqual([0]);
    expect(many.rangesOfHva(20 * PAGE_SIZE, 21 * PAGE_SIZE).map(({ slot: { id } }) => id)).toEqual([0, 2]);
  });

  it.each([
    [0, 100],
    [116, 500],
    [504, 600],
  ])('answers no range for hva pages %i to %i', (first, end) => {
    expect(slots.rangesOfHva(first * PAGE_SIZE, end * PAGE_SIZE)).toEqual([]);
  });

  it('maps gfns back to hvas', () => {
    expect(hvaOfGfn(alias, 66)).toBe(106 * PAGE_SIZE);
  });
});

describe('a memory region', () => {
  const slots = new Memslots([slot(0, 0, 16, 100)]);
  const good = { slot: 1, gpa: M, size: 64 * K, hva: 2 * M };

  it('creates a slot', () => {
    expect(planMemslotChange(slots, { ...good, readonly: true })).toEqual({
      kind: 'create',
      slot: {
        id: 1,
        baseGfn: 256,
        npages: 16,
        userspaceAddr: 2 * M,
        access: 'readonly',
        state: 'valid',
        dirty: undefined,
      },
    });
  });

  it.each([
    ['size not aligned', { size: 100 }],
    ['gpa not aligned', { gpa: 100 }],
    ['hva not aligned', { hva: 100 }],
    ['hva above user space', { hva: 2 ** 47 - PAGE_SIZE }],
    ['slot below 0', { slot: -1 }],
    ['slot out of range', { slot: USER_MEMSLOTS }],
    ['slot not a number', { slot: Number.NaN }],
    ['guest-physical space exceeded', { gpa: GFN_LIMIT * PAGE_SIZE - PAGE_SIZE }],
    ['more than 2^31 - 1 pages', { size: 2 ** 31 * PAGE_SIZE }],
    ['delete of nothing', { size: 0 }],
    ['negative size', { size: -PAGE_SIZE }],
  ])('is refused with EINVAL: %s', (_why, change) => {
    expect(planMemslotChange(slots, { ...good, ...change })).toBe('EINVAL');
  });

  it.each([
    ['size', { size: 32 * K }],
    ['hva', { hva: 4 * M }],
    ['readonly', { readonly: true }],
  ])('cannot change the %s of a live slot', (_what, change) => {
    const live = { slot: 0, gpa: 0, size: 64 * K, hva: 100 * PAGE_SIZE };
    expect(planMemslotChange(slots, { ...live, ...change })).toBe('EINVAL');
    expect(planMemslotChange(slots, live)).toEqual({ kind: 'none' });
  });

  it('moves a live slot, and deletes it', () => {
    const moved = planMemslotChange(slots, { slot: 0, gpa: 4 * K, size: 64 * K, hva: 100 * PAGE_SIZE });
    expect(moved).toMatchObject({ kind: 'move', slot: { baseGfn: 1 } });
    expect(planMemslotChange(slots, { slot: 0, gpa: 0, size: 0, hva: 0 })).toMatchObject({ kind: 'delete' });
  });

  it('must not overlap another slot in guest-physical space, touching is fine', () => {
    expect(planMemslotChange(slots, { ...good, gpa: 15 * PAGE_SIZE })).toBe('EEXIST');
    expect(planMemslotChange(slots, { ...good, gpa: 16 * PAGE_SIZE })).toMatchObject({ kind: 'create' });
  });

  it('may show an hva that another slot shows', () => {
    expect(planMemslotChange(slots, { ...good, hva: 100 * PAGE_SIZE })).toMatchObject({ kind: 'create' });
  });

  it('takes the place of the identity slot when it is slot 0, and overlaps it otherwise', () => {
    const identity = new Memslots([IDENTITY_MEMSLOT]);
    expect(planMemslotChange(identity, { ...good, slot: 0 })).toMatchObject({ kind: 'move', old: IDENTITY_MEMSLOT });
    expect(planMemslotChange(identity, good)).toBe('EEXIST');
    expect(planMemslotChange(identity, { ...good, gpa: 2 ** 47 })).toMatchObject({ kind: 'create' });
  });
});
