import fc from 'fast-check';
import { violation } from '../../test/machine.ts';
import { BuddyAllocator, MAX_ORDER } from './buddy.ts';
import { FrameTable } from './frame-table.ts';

function buddyOf(frames: number): BuddyAllocator {
  return new BuddyAllocator(new FrameTable(frames), frames);
}

describe('the buddy allocator', () => {
  it('splits the smallest block that is large enough, and keeps the halves', () => {
    const buddy = buddyOf(1024);
    expect(buddy.blocks()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(buddy.allocate(0)).toBe(0);
    expect(buddy.blocks()).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect(buddy.freeFrames).toBe(1023);
  });

  it('merges a freed block with its buddy, up to the largest order', () => {
    const buddy = buddyOf(1024);
    const taken = Array.from({ length: 1024 }, () => buddy.allocate(0));
    expect(buddy.allocate(0)).toBe(-1);
    for (const pfn of taken.reverse()) buddy.release(pfn, 0);
    expect(buddy.blocks()[MAX_ORDER]).toBe(1);
    expect(buddy.freeFrames).toBe(1024);
  });

  it('aligns a block to its size', () => {
    const buddy = buddyOf(1024);
    buddy.allocate(0);
    for (const order of [3, 5, 1, 7]) expect(buddy.allocate(order) % 2 ** order).toBe(0);
  });

  it('does not merge with a buddy that is free at another order', () => {
    const buddy = buddyOf(16);
    const [a, b] = [buddy.allocate(0), buddy.allocate(0)];
    buddy.release(a, 0);
    expect(buddy.blocks().slice(0, 4)).toEqual([1, 1, 1, 1]);
    buddy.release(b, 0);
    expect(buddy.blocks().slice(0, 5)).toEqual([0, 0, 0, 0, 1]);
  });

  it('uses memory whose size is no power of two to the last frame', () => {
    const buddy = buddyOf(1000);
    expect(buddy.freeFrames).toBe(1000);
    const taken = new Set(Array.from({ length: 1000 }, () => buddy.allocate(0)));
    expect(taken.size).toBe(1000);
    expect(buddy.allocate(0)).toBe(-1);
  });

  it('answers -1 where only smaller blocks are left', () => {
    const buddy = buddyOf(8);
    buddy.allocate(0);
    expect(buddy.allocate(3)).toBe(-1);
    expect(buddy.allocate(2)).toBe(4);
  });

  it('catches a frame that is freed twice', () => {
    const buddy = buddyOf(16);
    const pfn = buddy.allocate(0);
    buddy.allocate(0);
    buddy.release(pfn, 0);
    expect(violation(() => buddy.release(pfn, 0))).toMatchObject({ oracle: 'model-invariant' });
  });

  it('touches nothing behind what was used', () => {
    const table = new FrameTable(4096);
    const buddy = new BuddyAllocator(table, 4096);
    expect([buddy.frontier, buddy.freeFrames]).toEqual([0, 4096]);
    buddy.release(buddy.allocate(0), 0);
    buddy.allocate(3);
    expect([buddy.frontier, table.flags.findLastIndex((flags) => flags !== 0) < 1024]).toEqual([1024, true]);
    expect(buddy.blocks()[MAX_ORDER]).toBe(3);
  });

  it('gives out no frame twice and gets all of them back, whatever the order of calls', () => {
    const call = fc.oneof(
      fc.record({ take: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ give: fc.nat({ max: 1000 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.array(call, { maxLength: 120 }), (frames, calls) => {
        const buddy = buddyOf(frames);
        const held: { pfn: number; order: number }[] = [];
        const owned = new Set<number>();
        for (const step of calls) {
          if ('take' in step) {
            const pfn = buddy.allocate(step.take);
            if (pfn < 0) continue;
            for (let i = 0; i < 2 ** step.take; i++) {
              expect(owned.has(pfn + i)).toBe(false);
              expect(pfn + i).toBeLessThan(frames);
              owned.add(pfn + i);
            }
            held.push({ pfn, order: step.take });
          } else if (held.length > 0) {
            const [{ pfn, order }] = held.splice(step.give % held.length, 1);
            for (let i = 0; i < 2 ** order; i++) owned.delete(pfn + i);
            buddy.release(pfn, order);
          }
          expect(buddy.freeFrames).toBe(frames - owned.size);
          expect(buddy.blocks().reduce((sum, blocks, order) => sum + blocks * 2 ** order, 0)).toBe(buddy.freeFrames);
        }
        for (const { pfn, order } of held) buddy.release(pfn, order);
        expect(buddy.blocks()).toEqual(buddyOf(frames).blocks());
      }),
    );
  });
});
