import fc from 'fast-check';
import { IntervalTree } from './interval-tree.ts';

describe('the interval tree', () => {
  it('finds what a naive list finds, in order of the first index', () => {
    const step = fc.oneof(
      fc.record({ first: fc.nat({ max: 40 }), length: fc.nat({ max: 10 }) }),
      fc.record({ remove: fc.nat({ max: 1000 }) }),
      fc.record({ ask: fc.nat({ max: 50 }), length: fc.nat({ max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const tree = new IntervalTree<object>();
        const naive: { value: object; first: number; last: number; number: number }[] = [];
        let number = 0;
        for (const s of steps) {
          if ('first' in s) {
            const entry = { value: {}, first: s.first, last: s.first + s.length, number: number++ };
            naive.push(entry);
            tree.insert(entry.value, entry.first, entry.last);
          } else if ('remove' in s) {
            if (naive.length === 0) continue;
            const [{ value }] = naive.splice(s.remove % naive.length, 1);
            tree.remove(value);
            expect(tree.has(value)).toBe(false);
          } else {
            const wanted = naive
              .filter(({ first, last }) => first <= s.ask + s.length && last >= s.ask)
              .sort((a, b) => a.first - b.first || a.number - b.number)
              .map(({ value }) => value);
            const found = tree.overlapping(s.ask, s.ask + s.length);
            expect(found.length).toBe(wanted.length);
            expect(found.every((value, i) => value === wanted[i])).toBe(true);
          }
          expect(tree.size).toBe(naive.length);
        }
      }),
    );
  });

  it('stays shallow for a thousand intervals in order', () => {
    const tree = new IntervalTree<number>();
    for (let i = 0; i < 1000; i++) tree.insert(i, i, i);
    const depth = (node: { left?: never; right?: never } | undefined): number =>
      node === undefined ? 0 : 1 + Math.max(depth(node.left), depth(node.right));
    expect(depth((tree as unknown as { root: never }).root)).toBeLessThan(40);
  });

  it('forgets nothing and finds nothing for a value that is not in it', () => {
    const tree = new IntervalTree<string>();
    tree.insert('a', 3, 5);
    tree.remove('b');
    expect(tree.overlapping(0, 2)).toEqual([]);
    expect(tree.overlapping(5, Infinity)).toEqual(['a']);
  });
});
