import { PhysicalMemory } from './physical-memory.ts';

function reservedSlabs(memory: PhysicalMemory): number {
  const { byteSlabs } = memory as unknown as { byteSlabs: (Uint8Array | undefined)[] };
  return byteSlabs.filter((slab) => slab !== undefined).length;
}

describe('physical memory', () => {
  it('costs nothing before its first use, and 2 MiB at a time from then on', () => {
    const memory = new PhysicalMemory(2 ** 24);
    expect(reservedSlabs(memory)).toBe(0);
    memory.zero(5);
    memory.zero(511);
    expect(reservedSlabs(memory)).toBe(1);
    memory.zero(512);
    memory.words(2 ** 24 - 1);
    expect(reservedSlabs(memory)).toBe(3);
  });

  it('shows the same frame as bytes and as words', () => {
    const memory = new PhysicalMemory(1024);
    memory.words(700)[memory.wordOffset(700) + 1] = 0x04030201;
    expect([...memory.page(700).subarray(4, 8)]).toEqual([1, 2, 3, 4]);
  });

  it('copies and zeroes one frame and not its neighbours', () => {
    const memory = new PhysicalMemory(1024);
    for (const pfn of [0, 1, 2, 600]) memory.page(pfn).fill(pfn + 1);
    memory.copy(600, 1);
    memory.zero(1);
    expect([memory.page(0)[4095], memory.page(1)[0], memory.page(1)[4095], memory.page(2)[0]]).toEqual([1, 0, 0, 3]);
    expect([memory.page(600)[0], memory.page(600)[4095]]).toEqual([2, 2]);
  });
});
