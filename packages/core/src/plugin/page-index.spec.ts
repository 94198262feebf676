import fc from 'fast-check';
import { PageIndex } from './page-index.ts';

describe('the index of a ledger by page', () => {
  it('agrees with a list, whatever is added, taken and removed', () => {
    const step = fc.record({ mm: fc.nat({ max: 1 }), vpn: fc.nat({ max: 1500 }), add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 400 }), (steps) => {
        const index = new PageIndex();
        const naive: { mm: number; vpn: number; slot: number }[] = [];
        const taken = new Set<string>();
        steps.forEach(({ mm, vpn, add }, slot) => {
          if (add || naive.length === 0) {
            const found = index.add(mm, vpn, slot) === 'taken before';
            naive.push({ mm, vpn, slot });
            if (found !== taken.delete(`${mm} ${vpn}`)) throw new Error('taken');
          } else {
            const [gone] = naive.splice(vpn % naive.length, 1);
            index.take(gone.mm, gone.vpn);
            taken.add(`${gone.mm} ${gone.vpn}`);
            index.remove(gone.mm, gone.vpn, gone.slot);
          }
          const end = vpn + (slot % 7) * 200;
          const inside = naive.filter((one) => one.mm === mm && one.vpn >= vpn && one.vpn < end);
          const expected = inside.sort((a, b) => a.slot - b.slot).map((one) => one.slot);
          const found = [...index.inside(mm, vpn, end)].sort((a, b) => a - b);
          if (found.join() !== expected.join()) throw new Error('inside');
          if (index.has(mm, vpn) !== naive.some((one) => one.mm === mm && one.vpn === vpn)) throw new Error('has');
        });
      }),
      { numRuns: 20 },
    );
  });

  it('answers the slots of a page in the order in which they came', () => {
    const index = new PageIndex();
    for (const slot of [7, 3, 5]) index.add(1, 2 ** 34 + 3, slot);
    index.remove(1, 2 ** 34 + 3, 3);
    expect([...index.inside(1, 0, 2 ** 35)]).toEqual([7, 5]);
  });
});
