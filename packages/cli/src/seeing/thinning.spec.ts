/** However long the run: a bounded number of looks, evenly spread from the first to the last. */
import { Thinned } from './thinning.ts';

function looksAt(length: number, most: number, interval: number): { kept: number[]; looked: number } {
  const thinned = new Thinned<number>(most, interval);
  let looked = 0;
  for (let at = 0; at <= length; at = thinned.next(at)) {
    looked++;
    thinned.add(at);
  }
  return { kept: thinned.kept, looked };
}

describe('looks at a run of unknown length', () => {
  it.each([0, 1, 7, 8, 100, 12_345, 1_000_000])('%d events: few, evenly spread, the first one kept', (length) => {
    const { kept, looked } = looksAt(length, 8, 1);
    expect(kept[0]).toBe(0);
    expect(kept.length).toBeLessThan(8);
    const gaps = new Set(kept.slice(1).map((at, index) => at - (kept[index] as number)));
    expect(gaps.size).toBeLessThanOrEqual(1);
    expect(length - (kept.at(-1) as number)).toBeLessThanOrEqual(2 * ([...gaps][0] ?? 1));
    expect(looked).toBeLessThan(8 * 24);
  });

  it('begin at the interval that they are told', () => {
    expect(looksAt(5000, 49, 1024).kept).toEqual([0, 1024, 2048, 3072, 4096]);
  });
});
