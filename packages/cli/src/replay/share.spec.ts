import { CPU, DeviceTurns } from './share.ts';

function turns(numerator: number, denominator: number, devices: number, count: number): number[] {
  const who = new DeviceTurns({ numerator, denominator }, devices);
  return Array.from({ length: count }, () => who.next());
}

describe('the turns of devices', () => {
  it('are one in four by default, evenly spread', () => {
    expect(turns(1, 4, 1, 12)).toEqual([CPU, CPU, CPU, 0, CPU, CPU, CPU, 0, CPU, CPU, CPU, 0]);
  });

  it('go round among several devices, each with its share', () => {
    expect(turns(1, 4, 2, 8)).toEqual([CPU, 0, CPU, 1, CPU, 0, CPU, 1]);
    expect(turns(1, 2, 2, 4)).toEqual([0, 1, 0, 1]);
  });

  it('are the same in every run', () => {
    expect(turns(3, 17, 3, 1000)).toEqual(turns(3, 17, 3, 1000));
  });

  it('add up to the share, however odd it is', () => {
    const made = turns(3, 17, 2, 17_000);
    expect(made.filter((device) => device === 0)).toHaveLength(3000);
    expect(made.filter((device) => device === 1)).toHaveLength(3000);
  });

  it('never come without devices, or without a share', () => {
    expect(new Set(turns(1, 4, 0, 100))).toEqual(new Set([CPU]));
    expect(new Set(turns(0, 1, 3, 100))).toEqual(new Set([CPU]));
  });

  it('cannot be more than all accesses', () => {
    expect(() => new DeviceTurns({ numerator: 1, denominator: 4 }, 5)).toThrow(
      '--device-share: found 1/4 for each of 5 devices, expected at most 1/5',
    );
  });
});
