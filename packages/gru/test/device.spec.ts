/** The device on a machine, with every oracle on. */
import { AREA, GruMachine, PAGE } from './machine.ts';

describe('an access', () => {
  it('loads what the process stored, and stores what it will load', () => {
    const it = new GruMachine();
    it.map(4);
    it.poke(AREA, [1, 2, 3]);
    expect(it.load(AREA, 3)).toEqual([1, 2, 3]);
    expect(it.store(AREA + 1, [9])).toBe('done');
    expect(it.peek(AREA, 3)).toEqual([1, 9, 3]);
    it.expectClean();
  });

  it('crosses pages, and pieces of its data segment', () => {
    const it = new GruMachine();
    it.map(4);
    const bytes = Array.from({ length: 2 * PAGE }, (_, i) => (i * 7) & 255);
    expect(it.store(AREA + 100, bytes)).toBe('done');
    expect(it.peek(AREA + 100, PAGE - 100)).toEqual(bytes.slice(0, PAGE - 100));
    expect(it.load(AREA + 100, bytes.length)).toEqual(bytes);
    it.expectClean();
  });

  it('of an address without a page is EFAULT', () => {
    const it = new GruMachine();
    it.map(1);
    expect(it.load(AREA - 1)).toBe('EFAULT');
    expect(it.store(AREA + PAGE - 1, [1, 2])).toBe('EFAULT');
    expect(it.load(2 ** 47)).toBe('EFAULT');
    expect(it.stat('tlb_dropin_fail_invalid')).toBe(2);
    it.expectClean();
  });
});
