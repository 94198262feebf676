import fc from 'fast-check';
import { FrameList } from './frame-list.ts';
import { FrameTable } from './frame-table.ts';

describe('a list of frames', () => {
  it('hands out the oldest frame at its end', () => {
    const list = new FrameList(new FrameTable(8));
    for (const pfn of [3, 5, 1]) list.addFirst(pfn);
    expect([list.first, list.last, list.length]).toEqual([1, 3, 3]);
    list.remove(3);
    expect(list.last).toBe(5);
    list.remove(5);
    list.remove(1);
    expect([list.first, list.last, list.length]).toEqual([-1, -1, 0]);
  });

  it('agrees with an array, whatever is added and removed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 15 }), { maxLength: 80 }), (pfns) => {
        const list = new FrameList(new FrameTable(16));
        const naive: number[] = [];
        for (const pfn of pfns) {
          const at = naive.indexOf(pfn);
          if (at < 0) {
            list.addFirst(pfn);
            naive.unshift(pfn);
          } else {
            list.remove(pfn);
            naive.splice(at, 1);
          }
          expect([list.first, list.last, list.length]).toEqual([naive[0] ?? -1, naive.at(-1) ?? -1, naive.length]);
        }
      }),
    );
  });
});
