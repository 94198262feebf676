import type { LedgerEntry } from '@mmu-notifier/plugin-api';
import { VcpuTlb } from './vcpu-tlb.ts';

const entry = (n: number): LedgerEntry => n as LedgerEntry;

describe("a vCPU's TLB", () => {
  it('misses when it is empty, also for gfn 0', () => {
    const tlb = new VcpuTlb(4);
    expect([tlb.forLoad(0), tlb.forStore(0)]).toEqual([-1, -1]);
  });

  it('serves stores only from storable entries', () => {
    const tlb = new VcpuTlb(4);
    tlb.fill(9, entry(0), 0);
    expect([tlb.forLoad(9), tlb.forStore(9)]).toEqual([0, -1]);
    tlb.fill(9, entry(0), 1);
    expect(tlb.forStore(9)).toBe(0);
  });

  it('has one place for gfns that are equal modulo its size, also above 2^32', () => {
    const tlb = new VcpuTlb(4);
    tlb.fill(1, entry(10), 1);
    tlb.fill(2 ** 35 + 1, entry(11), 1);
    expect([tlb.forLoad(1), tlb.forLoad(2 ** 35 + 1)]).toEqual([-1, 11]);
  });

  it('forgets everything in a flush', () => {
    const tlb = new VcpuTlb(4);
    tlb.fill(1, entry(10), 1);
    tlb.fill(2, entry(11), 0);
    expect([...tlb.cached()]).toHaveLength(2);
    tlb.flushAll();
    expect([[...tlb.cached()], tlb.filled]).toEqual([[], 0]);
  });
});
