import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { plain } from '../../test/scheduling.ts';
import { Scheduler } from '../sched/scheduler.ts';
import { PageAllocator } from './page-allocator.ts';

function allocatorOf(frames: number, cpus = 1) {
  const scheduler = new Scheduler(cpus);
  const allocator = new PageAllocator(scheduler, frames);
  const task = scheduler.createTask('test', undefined, 0);
  const run = <T>(routine: Routine<T>): T => scheduler.run(task, routine);
  return { scheduler, allocator, task, run, allocate: () => run(allocator.allocate()) };
}

describe('the page allocator', () => {
  it('frees a frame with its last reference', () => {
    const { allocator, allocate } = allocatorOf(64);
    const pfn = allocate();
    const free = allocator.freeFrames;
    allocator.get(pfn);
    allocator.put(pfn);
    expect(allocator.freeFrames).toBe(free);
    allocator.put(pfn);
    expect(allocator.freeFrames).toBe(free + 1);
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

  it('wakes kswapd at the low watermark, and only reclaims itself at the min watermark', () => {
    const { allocator, allocate } = allocatorOf(64);
    const { min, low } = allocator.zone.watermarks;
    const wakes: number[] = [];
    const asked: number[] = [];
    const taken: number[] = [];
    allocator.wakeKswapd = () => wakes.push(allocator.freeFrames);
    allocator.reclaimer = (pages) =>
      plain(() => {
        asked.push(pages);
        for (let i = 0; i < 8; i++) allocator.put(taken.pop() as number);
        return 8;
      });
    while (asked.length === 0) taken.push(allocate());
    expect(wakes[0]).toBe(low);
    expect(wakes).toHaveLength(low - min + 1);
    expect(allocator.directReclaims).toBe(1);
    expect(allocator.freeFrames).toBe(min + 7);
    expect(asked).toEqual([32]);
  });

  it('takes what waits at other CPUs before it wakes anybody', () => {
    const { allocator, allocate, scheduler } = allocatorOf(64, 2);
    let wakes = 0;
    allocator.wakeKswapd = () => wakes++;
    const other = scheduler.createTask('other', undefined, 1);
    const taken: number[] = [];
    while (allocator.zone.freeFrames > allocator.zone.watermarks.low) taken.push(allocate());
    const back = taken.splice(0, 3);
    scheduler.run(
      other,
      plain(() => back.forEach((pfn) => allocator.put(pfn))),
    );
    expect(allocator.zone.perCpuFrames).toBe(3);
    for (let i = 0; i < 3; i++) expect(allocate()).toBeGreaterThanOrEqual(0);
    expect(wakes).toBe(0);
    allocate();
    expect(wakes).toBe(1);
  });

  it('keeps a reserve for reclaim itself, and answers -1 to everybody else', () => {
    const { allocator, allocate, task } = allocatorOf(64);
    const reserve = allocator.zone.watermarks.min;
    while (allocate() >= 0);
    expect(allocator.freeFrames).toBe(reserve);
    task.reclaimDepth = 1;
    for (let i = 0; i < reserve; i++) expect(allocate()).toBeGreaterThanOrEqual(0);
    expect(allocate()).toBe(-1);
  });

  it('gives up only when the OOM killer made no room either', () => {
    const { allocator, allocate } = allocatorOf(64);
    const taken: number[] = [];
    let kills = 0;
    allocator.outOfMemory = () =>
      plain(() => {
        if (++kills > 1) return false;
        taken.splice(0, 10).forEach((pfn) => allocator.put(pfn));
        return true;
      });
    for (let pfn = allocate(); pfn >= 0; pfn = allocate()) taken.push(pfn);
    expect(kills).toBe(2);
    expect(allocator.freeFrames).toBe(allocator.zone.watermarks.min);
  });

  it('does not reclaim from inside reclaim', () => {
    const { allocator, allocate } = allocatorOf(64);
    let depth = 0;
    allocator.reclaimer = function* () {
      expect(++depth).toBe(1);
      const pfn = yield* allocator.allocate();
      expect(pfn).toBeGreaterThanOrEqual(0);
      allocator.put(pfn);
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
    allocator.observer = { frameFreed: () => (freeThen = allocator.freeFrames) };
    allocator.put(pfn);
    expect(freeThen).toBe(allocator.freeFrames - 1);
  });
});
