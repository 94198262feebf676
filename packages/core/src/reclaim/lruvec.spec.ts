import { FrameFlags, FrameTable } from '../memory/frame-table.ts';
import { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import { Lruvec, inactiveIsLow } from './lruvec.ts';

function listsOf(anon: number, file: number) {
  const frames = new FrameTable(anon + file);
  const lru = new Lruvec(frames, new SharedState(new Scheduler(1), 0));
  for (let pfn = 0; pfn < anon + file; pfn++) {
    if (pfn < anon) frames.set(pfn, FrameFlags.SwapBacked);
    lru.add(pfn);
  }
  return { lru, frames };
}

describe('the LRU lists', () => {
  it('keep anonymous pages and file pages apart, and make a page active by its second use', () => {
    const { lru } = listsOf(2, 3);
    expect([lru.anon.inactive.length, lru.file.inactive.length]).toEqual([2, 3]);
    lru.markAccessed(0);
    lru.markAccessed(4);
    expect([lru.anon.active.length, lru.file.active.length]).toEqual([0, 0]);
    lru.markAccessed(4);
    expect([lru.anon.active.length, lru.file.active.length, lru.file.inactive.length]).toEqual([0, 1, 2]);
    lru.deactivate(4);
    expect([lru.file.active.length, lru.file.inactive.first]).toEqual([0, 4]);
  });

  it('take a page from the list it was put on, whatever became of the page since', () => {
    const { lru, frames } = listsOf(2, 0);
    frames.clear(1, FrameFlags.SwapBacked);
    lru.remove(1);
    expect([lru.anon.inactive.length, lru.file.inactive.length, lru.size]).toEqual([1, 0, 1]);
    lru.add(1);
    expect([lru.anon.inactive.length, lru.file.inactive.length]).toEqual([1, 1]);
    frames.set(1, FrameFlags.SwapBacked);
    lru.remove(1);
    expect(lru.file.inactive.length).toBe(0);
  });

  it('forget old costs', () => {
    const { lru } = listsOf(100, 100);
    lru.noteCost('anon', 0, 40);
    expect([lru.anon.cost, lru.file.cost]).toEqual([40, 0]);
    lru.noteCost('file', 1, 0);
    expect([lru.anon.cost, lru.file.cost]).toEqual([20, 16]);
  });

  it('want as many inactive pages as active ones, and fewer where memory is large', () => {
    const half = { active: { length: 100 }, inactive: { length: 99 } };
    expect(inactiveIsLow(half as never)).toBe(true);
    const large = { active: { length: 4 * 2 ** 18 }, inactive: { length: 2 ** 18 } };
    expect(inactiveIsLow(large as never)).toBe(false);
  });
});
