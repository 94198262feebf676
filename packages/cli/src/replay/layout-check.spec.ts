import { checkLayout } from './layout-check.ts';

const at = (start: number, end: number, prot: string) => ({ start: start * 4096, end: end * 4096, prot });
const recorded = (start: number, end: number, protection: 'rw' | 'r' | 'rwx', file?: string) => ({
  start: start * 4096,
  end: end * 4096,
  protection,
  ...(file === undefined ? {} : { file }),
});

describe('the layout at exit', () => {
  it('agrees where the same pages have the same protection, however they are cut', () => {
    const maps = [at(1, 3, 'rw-'), at(3, 5, 'rw-')];
    expect(checkLayout('p1', maps, [recorded(1, 5, 'rw')], 0)).toEqual({
      process: 'p1',
      pages: 4,
      missing: 0,
      extra: 0,
      protDiffers: 0,
    });
  });

  it('counts pages that one side has alone, and those that differ', () => {
    const maps = [at(1, 3, 'rw-'), at(4, 6, 'r--')];
    expect(checkLayout('p1', maps, [recorded(2, 5, 'rw')], 0)).toMatchObject({
      pages: 3,
      missing: 1,
      extra: 2,
      protDiffers: 1,
    });
  });

  it('takes the first page of the heap as the recorder has it: mapped, whatever the program asks for', () => {
    const layout = [recorded(8, 9, 'rwx')];
    expect(checkLayout('p1', [], layout, 8 * 4096)).toMatchObject({ pages: 1, missing: 0, extra: 0, protDiffers: 0 });
    expect(checkLayout('p1', [at(8, 11, 'rw-')], [recorded(8, 11, 'rwx')], 8 * 4096)).toMatchObject({
      missing: 0,
      extra: 0,
      protDiffers: 2,
    });
    expect(checkLayout('p1', [], [recorded(8, 9, 'rwx', 'a file')], 8 * 4096)).toMatchObject({ missing: 1 });
  });
});
