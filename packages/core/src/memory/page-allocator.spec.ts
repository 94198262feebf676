import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { plain } from '../../test/scheduling.ts';
import { Scheduler } from '../sched/scheduler.ts';
import { PageAllocator } from './page-allocator.ts';

function allocatorOf(frames: number) {
  const scheduler = new Scheduler(1);
  const allocator = new PageAllocator(scheduler, frames);
  const task = scheduler.createTask('test', undefined);
  const run = <T>(routine: Routine<T>): T => scheduler.run(task, routine);
  return { scheduler, allocator, task, run, allocate: () => run(allocator.allocate()) };
}

describe('the page allocator', () => {
  it('frees a frame with its last reference', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    const free = allocator.buddy.freeFrames;
    allocator.get(pfn);
    allocator.put(pfn);
    expect(allocator.buddy.freeFrames).toBe(free);
    allocator.put(pfn);
    expect(allocator.buddy.freeFrames).toBe(free + 1);
  });

  it('catches a reference that is dropped twice', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    allocator.put(pfn);
    expect(violation(() => allocator.put(pfn))).toMatchObject({
      oracle: 'model-invariant',
      message: `a reference is dropped that is held (found ${pfn})`,
    });
  });

  it('catches a reference that is taken on a free frame', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    allocator.put(pfn);
    expect(violation(() => allocator.get(pfn))).toMatchObject({ oracle: 'model-invariant' });
  });

  it('catches a frame that is freed while a pte maps it', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    allocator.table.mapcount[pfn] = 1;
    expect(violation(() => allocator.put(pfn)).message).toMatch('mapped nowhere');
  });

  it('never frees the zero page', () => {
    const { allocator } = allocatorOf(64);
    expect(violation(() => allocator.put(allocator.zeroPfn)).message).toMatch('reserved');
  });

  it('zeroes what is asked to be zero, also after the frame held other bytes', () => {
    const { allocator, allocate, run } = allocatorOf(64);
    const pfn = allocate();
    allocator.memory.page(pfn).fill(7);
    allocator.put(pfn);
    const again = run(allocator.allocateZeroed());
    expect(again).toBe(pfn);
    expect(allocator.memory.page(again).every((byte) => byte === 0)).toBe(true);
  });

  it('reclaims first once free frames are down to the min watermark', () => {
    const { allocator, allocate } = allocatorOf(64);
    const taken: number[] = [];
    const asked: number[] = [];
    allocator.reclaimer = (pages) =>
      plain(() => {
        asked.push(pages);
        for (let i = 0; i < 8; i++) allocator.put(taken.pop() as number);
        return 8;
      });
    while (asked.length === 0) taken.push(allocate());
    expect(allocator.directReclaims).toBe(1);
    expect(allocator.buddy.freeFrames).toBe(allocator.buddy.watermarks.min + 7);
    expect(asked[0]).toBeGreaterThanOrEqual(32);
  });

  it('keeps a reserve for reclaim itself, and answers -1 to everybody else', () => {
    const { allocator, allocate, task } = allocatorOf(64);
    const reserve = allocator.buddy.watermarks.min / 2;
    while (allocate() >= 0);
    expect(allocator.buddy.freeFrames).toBe(reserve);
    task.reclaimDepth = 1;
    for (let i = 0; i < reserve; i++) expect(allocate()).toBeGreaterThanOrEqual(0);
    expect(allocate()).toBe(-1);
  });

  it('does not reclaim from inside reclaim', () => {
    const { allocator, allocate } = allocatorOf(64);
    let depth = 0;
    allocator.reclaimer = function* () {
      expect(++depth).toBe(1);
      expect(yield* allocator.allocate()).toBeGreaterThanOrEqual(0);
      depth--;
      return 0;
    };
    while (allocate() >= 0);
    expect(allocator.directReclaims).toBeGreaterThan(0);
  });

  it('forbids allocation in atomic context: it may have to reclaim', () => {
    const { allocator, allocate, task, run } = allocatorOf(64);
    run(plain(() => task.atomicDepth++));
    expect(violation(allocate).oracle).toBe('sleep-in-atomic');
    expect(allocator.allocations).toBe(0);
  });

  it('tells its observer before a frame can be reused', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    let freeThen = 0;
    allocator.observer = { frameFreed: () => (freeThen = allocator.buddy.freeFrames) };
    allocator.put(pfn);
    expect(freeThen).toBe(allocator.buddy.freeFrames - 1);
  });
});
