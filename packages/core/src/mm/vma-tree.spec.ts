import fc from 'fast-check';
import { violation } from '../../test/machine.ts';
import type { MmStruct } from './mm-struct.ts';
import { VmaTree } from './vma-tree.ts';
import { Vma } from './vma.ts';

const PAGE = 4096;
const vma = (first: number, pages: number): Vma =>
  new Vma({} as MmStruct, first * PAGE, (first + pages) * PAGE, 0, undefined, first);

describe('the tree of VMAs', () => {
  it('tells what contains an address from what lies above it', () => {
    const tree = new VmaTree();
    const [a, b] = [vma(2, 2), vma(8, 1)];
    tree.insert(b);
    tree.insert(a);
    expect([tree.find(0), tree.find(3 * PAGE), tree.find(4 * PAGE), tree.find(9 * PAGE)]).toEqual([a, a, b, undefined]);
    expect([tree.at(0), tree.at(2 * PAGE), tree.at(4 * PAGE - 1), tree.at(4 * PAGE)]).toEqual([
      undefined,
      a,
      a,
      undefined,
    ]);
    expect([tree.below(2 * PAGE), tree.below(3 * PAGE), tree.below(8 * PAGE)]).toEqual([undefined, a, a]);
  });

  it('forgets a VMA that was removed, also the one that was found last', () => {
    const tree = new VmaTree();
    const a = vma(2, 2);
    tree.insert(a);
    expect(tree.find(2 * PAGE)).toBe(a);
    tree.remove(a);
    expect(tree.find(2 * PAGE)).toBeUndefined();
    expect(tree.below(Infinity)).toBeUndefined();
  });

  it('holds no two VMAs that overlap', () => {
    const tree = new VmaTree();
    tree.insert(vma(2, 4));
    expect(violation(() => tree.insert(vma(5, 1))).message).toMatch('do not overlap');
  });

  it('finds a VMA by its new bounds when they change', () => {
    const tree = new VmaTree();
    const [a, b] = [vma(2, 4), vma(8, 1)];
    tree.insert(a);
    tree.insert(b);
    expect(tree.at(5 * PAGE)).toBe(a);
    tree.setBounds(a, 2 * PAGE, 4 * PAGE);
    expect([tree.at(5 * PAGE), tree.find(5 * PAGE), a.end]).toEqual([undefined, b, 4 * PAGE]);
    tree.setBounds(b, 4 * PAGE, 9 * PAGE);
    expect([tree.at(5 * PAGE), tree.find(9 * PAGE), tree.below(9 * PAGE)]).toEqual([b, undefined, b]);
  });

  it('agrees with a sorted list, whatever is inserted and removed', () => {
    const step = fc.record({ first: fc.nat({ max: 2000 }), pages: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 900 }), (steps) => {
        const tree = new VmaTree();
        let naive: Vma[] = [];
        for (const { first, pages } of steps) {
          const [start, end] = [first * PAGE, (first + pages) * PAGE];
          const hit = naive.filter((other) => other.start < end && other.end > start);
          if (hit.length === 0) {
            const added = vma(first, pages);
            tree.insert(added);
            naive = [...naive, added].sort((a, b) => a.start - b.start);
          } else if (first % 3 === 0) {
            for (const other of hit) tree.remove(other);
            naive = naive.filter((other) => !hit.includes(other));
          }
          const now = naive.filter((other) => other.start < end + 8 * PAGE && other.end > start);
          if (tree.overlapping(start, end + 8 * PAGE).some((found, i) => found !== now[i])) throw new Error('overlap');
          if (tree.find(start) !== naive.find((other) => other.end > start)) throw new Error('find');
          if (tree.below(start) !== naive.findLast((other) => other.start < start)) throw new Error('below');
        }
        expect([...tree]).toEqual(naive);
        expect(tree.size).toBe(naive.length);
      }),
      { numRuns: 20 },
    );
  });
});
