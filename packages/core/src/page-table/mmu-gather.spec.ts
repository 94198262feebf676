import { violation } from '../../test/machine.ts';
import { PageAllocator } from '../memory/page-allocator.ts';
import { Scheduler } from '../sched/scheduler.ts';
import { withoutGuard } from '../testing.ts';
import { MmuGather, PendingFlushes } from './mmu-gather.ts';
import { Tlbs } from './tlb.ts';

function gatherOf() {
  const scheduler = new Scheduler(2);
  const allocator = new PageAllocator(scheduler, 2048);
  const tlbs = new Tlbs(scheduler, 2048);
  const owner = { asid: 1, cpuMask: 0, pendingFlushes: new PendingFlushes(scheduler, 1) };
  const log: string[] = [];
  tlbs.flushSecondary = (_, start, end) => log.push(`flush ${start / 4096}-${end / 4096}`);
  allocator.observer = {
    frameFreed(pfn) {
      log.push(`free ${tlbs.reach[pfn] > 0 ? 'a reachable frame' : 'a frame'}`);
      if (tlbs.reach[pfn] > 0) scheduler.fail('use-after-free', 'a CPU TLB reaches a freed frame');
    },
  };
  const task = scheduler.createTask('test', undefined);
  const page = (): number => scheduler.run(task, allocator.allocate());
  const finish = (gather: MmuGather): void => scheduler.run(task, gather.finish());
  return { gather: new MmuGather(owner, tlbs, allocator), owner, tlbs, allocator, log, page, finish };
}

describe('the gather', () => {
  it('frees pages after the flush that covers them', () => {
    const { gather, owner, tlbs, log, page, finish } = gatherOf();
    for (const vpn of [12, 10]) {
      const pfn = page();
      tlbs.fill(0, owner, vpn, pfn, 1);
      gather.queuePage(vpn * 4096, pfn);
    }
    expect(log).toEqual([]);
    finish(gather);
    expect(log).toEqual(['flush 10-13', 'free a frame', 'free a frame']);
  });

  it('without that order, a page freed before the flush is caught', () => {
    const restore = withoutGuard('flush-before-free');
    try {
      const { gather, owner, tlbs, page, finish } = gatherOf();
      const pfn = page();
      tlbs.fill(0, owner, 10, pfn, 1);
      gather.queuePage(10 * 4096, pfn);
      expect(violation(() => finish(gather)).oracle).toBe('use-after-free');
    } finally {
      restore();
    }
  });

  it('does not flush where nothing changed', () => {
    const { gather, log, finish } = gatherOf();
    finish(gather);
    expect(log).toEqual([]);
  });

  it('says when a batch is full', () => {
    const { gather, page } = gatherOf();
    for (let i = 1; i < MmuGather.batchPages; i++) expect(gather.queuePage(i * 4096, page())).toBe(false);
    expect(gather.queuePage(0, page())).toBe(true);
  });

  it('flushes everything while another gather of the mm has changed ptes that are not flushed yet', () => {
    const { gather, owner, tlbs, allocator, log, finish } = gatherOf();
    const other = new MmuGather(owner, tlbs, allocator);
    finish(gather);
    expect(log).toHaveLength(1);
    finish(other);
    expect(log).toHaveLength(1);
    expect(owner.pendingFlushes.count).toBe(0);
  });

  it('flushes the range of unlinked tables before they are freed', () => {
    const { gather, log, page, finish } = gatherOf();
    gather.queueTables(0, 2 ** 21, [page()]);
    finish(gather);
    expect(log).toEqual(['flush 0-512', 'free a frame']);
  });
});
