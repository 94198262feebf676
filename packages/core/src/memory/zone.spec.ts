import fc from 'fast-check';
import { FrameTable } from './frame-table.ts';
import { Zone } from './zone.ts';

const CPUS = 3;

function zoneOf(frames: number): Zone {
  return new Zone(new FrameTable(frames), frames, CPUS);
}

describe('a zone', () => {
  it('orders its watermarks', () => {
    for (const frames of [16, 64, 1000, 2 ** 20]) {
      const { min, low, high } = zoneOf(frames).watermarks;
      expect(min).toBeLessThan(low);
      expect(low).toBeLessThan(high);
      expect(high).toBeLessThan(frames);
    }
  });

  it('hands a CPU the frame that it freed last, and neighbours in order', () => {
    const zone = zoneOf(2 ** 18);
    expect([zone.take(0), zone.take(0), zone.take(0)]).toEqual([0, 1, 2]);
    zone.give(0, 1);
    zone.give(0, 0);
    expect([zone.take(0), zone.take(0)]).toEqual([0, 1]);
    expect(zone.take(1)).toBeGreaterThan(2);
  });

  it('moves frames in batches, and keeps no more at a CPU than its share', () => {
    const zone = zoneOf(2 ** 18);
    zone.take(0);
    expect(zone.perCpuFrames).toBe(62);
    const taken = Array.from({ length: 5000 }, () => zone.take(1));
    for (const pfn of taken) zone.give(0, pfn);
    expect(zone.perCpuFrames).toBeLessThan(1000);
    zone.drain();
    expect(zone.perCpuFrames).toBe(0);
    expect(zone.freeFrames).toBe(2 ** 18 - 1);
  });

  it('agrees with a set of free frames, whatever CPUs take, give and drain', () => {
    const cpu = fc.nat({ max: CPUS - 1 });
    const call = fc.oneof(
      { weight: 4, arbitrary: fc.record({ take: cpu }) },
      { weight: 4, arbitrary: fc.record({ give: fc.nat({ max: 1000 }), to: cpu }) },
      { weight: 1, arbitrary: fc.constant('drain' as const) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 9000 }), fc.array(call, { maxLength: 200 }), (frames, calls) => {
        const zone = zoneOf(frames);
        const held: number[] = [];
        for (const step of calls) {
          if (step === 'drain') zone.drain();
          else if ('take' in step) {
            const pfn = zone.take(step.take);
            if (pfn >= 0) {
              expect(held).not.toContain(pfn);
              expect(pfn).toBeLessThan(zone.usedEnd);
              held.push(pfn);
            } else expect(zone.freeFrames).toBe(0);
          } else if (held.length > 0) zone.give(step.to, held.splice(step.give % held.length, 1)[0]);
          expect(zone.freeFrames + zone.perCpuFrames).toBe(frames - held.length);
          if (step === 'drain') expect(zone.perCpuFrames).toBe(0);
        }
        for (const pfn of held) zone.give(0, pfn);
        zone.drain();
        expect(zone.buddy.blocks()).toEqual(zoneOf(frames).buddy.blocks());
      }),
    );
  });
});
