import fc from 'fast-check';
import { Scheduler } from '../sched/scheduler.ts';
import { Pte } from './pte.ts';
import { FETCH, LOAD, MODIFY, STORE, Tlbs } from './tlb.ts';

const STORES = Pte.Present | Pte.Writable | Pte.Dirty;

function tlbsOf(cpus = 2) {
  const tlbs = new Tlbs(new Scheduler(cpus), 4096);
  const owner = { asid: 1, cpuMask: 0 };
  return { tlbs, owner };
}

describe('a CPU TLB', () => {
  it('serves what was filled, on that CPU and in that address space only', () => {
    const { tlbs, owner } = tlbsOf();
    tlbs.fill(0, owner, 7, 99, STORES);
    expect(tlbs.lookup(0, owner, 7, LOAD)).toBe(99);
    expect(tlbs.lookup(1, owner, 7, LOAD)).toBe(-1);
    expect(tlbs.lookup(0, { asid: 2, cpuMask: 0 }, 7, LOAD)).toBe(-1);
    expect([tlbs.hits, tlbs.misses]).toEqual([1, 2]);
  });

  it('walks again for a store through an entry that is not dirty', () => {
    const { tlbs, owner } = tlbsOf();
    tlbs.fill(0, owner, 7, 99, Pte.Present | Pte.Writable);
    expect(tlbs.lookup(0, owner, 7, STORE)).toBe(-1);
    tlbs.fill(0, owner, 7, 99, STORES);
    expect(tlbs.lookup(0, owner, 7, STORE)).toBe(99);
    expect(tlbs.reach[99]).toBe(1);
  });

  it.each([
    ['readable', Pte.Present | Pte.NoExec, [LOAD]],
    ['executable', Pte.Present | Pte.Dirty, [FETCH, LOAD]],
    ['clean', Pte.Present | Pte.Writable | Pte.NoExec, [LOAD]],
    ['dirty', STORES | Pte.NoExec, [LOAD, STORE, MODIFY]],
    ['absent', Pte.Writable | Pte.Dirty, []],
  ])('lets accesses through an entry that is %s', (_, flags, kinds) => {
    const { tlbs, owner } = tlbsOf();
    tlbs.fill(0, owner, 7, 99, flags);
    expect([FETCH, LOAD, STORE, MODIFY].filter((kind) => tlbs.lookup(0, owner, 7, kind) === 99)).toEqual(kinds);
  });

  it('is flushed on every CPU that may hold entries, and tells secondary TLBs', () => {
    const { tlbs, owner } = tlbsOf();
    const told: number[][] = [];
    tlbs.flushSecondary = (_, start, end) => told.push([start, end]);
    tlbs.fill(0, owner, 7, 99, STORES);
    tlbs.fill(1, owner, 8, 99, STORES);
    expect(tlbs.reach[99]).toBe(2);
    tlbs.flushNow(owner, 7 * 4096, 8 * 4096);
    expect(tlbs.reach[99]).toBe(1);
    expect(tlbs.lookup(1, owner, 8, LOAD)).toBe(99);
    expect(told).toEqual([[7 * 4096, 8 * 4096]]);
  });

  it('keeps the entries of other address spaces', () => {
    const { tlbs, owner } = tlbsOf();
    const other = { asid: 2, cpuMask: 0 };
    tlbs.fill(0, owner, 7, 99, STORES);
    tlbs.fill(0, other, 8, 98, STORES);
    tlbs.flushNow(owner, 0, 2 ** 47);
    expect([tlbs.reach[99], tlbs.reach[98]]).toEqual([0, 1]);
  });

  it('keeps six address spaces; one more takes the oldest tag, and no shootdown looks for the old one there', () => {
    const { tlbs } = tlbsOf();
    const owners = Array.from({ length: 7 }, (_, i) => ({ asid: i + 1, cpuMask: 0 }));
    owners.slice(0, 6).forEach((owner, i) => tlbs.fill(1, owner, 10 + i, 100 + i, STORES));
    expect(tlbs.lookup(1, owners[0], 10, LOAD)).toBe(100);
    tlbs.fill(1, owners[6], 20, 120, STORES);
    expect(tlbs.recycled).toBe(1);
    expect([tlbs.reach[100], owners[0].cpuMask]).toEqual([0, 0]);
    expect(owners.slice(1).map(({ cpuMask }) => cpuMask)).toEqual([2, 2, 2, 2, 2, 2]);
    for (let i = 1; i < 6; i++) expect(tlbs.lookup(1, owners[i], 10 + i, LOAD)).toBe(100 + i);
    tlbs.flushNow(owners[0], 0, 4096);
    expect(tlbs.ipis).toBe(0);
    tlbs.flushNow(owners[1], 0, 4096);
    expect(tlbs.ipis).toBe(1);
  });

  it('interrupts the other CPUs that have the tag, not its own', () => {
    const { tlbs, owner } = tlbsOf(4);
    for (const cpu of [0, 1, 3]) tlbs.fill(cpu, owner, 7, 99, STORES);
    tlbs.flushNow(owner, 7 * 4096, 8 * 4096);
    expect([tlbs.shootdowns, tlbs.ipis, tlbs.reach[99]]).toEqual([1, 2, 0]);
  });

  it('drops all of the address space for more than 33 pages, and page by page up to there', () => {
    const { tlbs, owner } = tlbsOf();
    tlbs.fill(0, owner, 500, 99, STORES);
    tlbs.flushNow(owner, 0, 33 * 4096);
    expect([tlbs.reach[99], tlbs.fullFlushes]).toEqual([1, 0]);
    tlbs.flushNow(owner, 0, 34 * 4096);
    expect([tlbs.reach[99], tlbs.fullFlushes]).toEqual([0, 1]);
  });

  it('counts the entries that reach a frame, whatever is filled and flushed', () => {
    const fill = fc.record({ cpu: fc.nat({ max: 1 }), vpn: fc.nat({ max: 4000 }), pfn: fc.nat({ max: 9 }) });
    const flush = fc.record({ from: fc.nat({ max: 4000 }), pages: fc.integer({ min: 1, max: 3000 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(fill, flush), { maxLength: 60 }), (steps) => {
        const { tlbs, owner } = tlbsOf();
        const filled = new Set<string>();
        for (const step of steps) {
          if ('pfn' in step) {
            tlbs.fill(step.cpu, owner, step.vpn, step.pfn, STORES);
            filled.add(`${step.cpu} ${step.vpn}`);
          } else tlbs.flushNow(owner, step.from * 4096, (step.from + step.pages) * 4096);
        }
        const counted = new Array<number>(10).fill(0);
        for (const key of filled) {
          const [cpu, vpn] = key.split(' ').map(Number);
          const pfn = tlbs.lookup(cpu, owner, vpn, LOAD);
          if (pfn >= 0) counted[pfn]++;
        }
        expect([...tlbs.reach.subarray(0, 10)]).toEqual(counted);
      }),
    );
  });
});
