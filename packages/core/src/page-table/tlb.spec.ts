import fc from 'fast-check';
import { Scheduler } from '../sched/scheduler.ts';
import { Pte } from './pte.ts';
import { Tlbs } from './tlb.ts';

const LOADS = Pte.Present;
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
    expect(tlbs.lookup(0, 1, 7, LOADS, LOADS)).toBe(99);
    expect(tlbs.lookup(1, 1, 7, LOADS, LOADS)).toBe(-1);
    expect(tlbs.lookup(0, 2, 7, LOADS, LOADS)).toBe(-1);
    expect([tlbs.hits, tlbs.misses]).toEqual([1, 2]);
  });

  it('walks again for a store through an entry that is not dirty', () => {
    const { tlbs, owner } = tlbsOf();
    tlbs.fill(0, owner, 7, 99, Pte.Present | Pte.Writable);
    expect(tlbs.lookup(0, 1, 7, STORES, STORES)).toBe(-1);
    tlbs.fill(0, owner, 7, 99, STORES);
    expect(tlbs.lookup(0, 1, 7, STORES, STORES)).toBe(99);
    expect(tlbs.reach[99]).toBe(1);
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
    expect(tlbs.lookup(1, 1, 8, LOADS, LOADS)).toBe(99);
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
          const pfn = tlbs.lookup(cpu, 1, vpn, LOADS, LOADS);
          if (pfn >= 0) counted[pfn]++;
        }
        expect([...tlbs.reach.subarray(0, 10)]).toEqual(counted);
      }),
    );
  });
});
