import { checkContextOptions, checkOptions } from './options.ts';
import type { GruOptions } from './options.ts';

describe('options', () => {
  it('have defaults', () => {
    expect(checkOptions({})).toEqual({
      blades: 1,
      tlbEntries: 512,
      maxAsid: 0xfffff0,
      context: {
        controlBlocks: 4,
        dataSegmentBytes: 4096,
        missMode: 'interrupt',
        tlbPreload: 0,
        gseg: false,
        blade: undefined,
        chiplet: undefined,
      },
    });
  });

  it.each<[GruOptions | Record<string, unknown>, string]>([
    [{ pin: true }, 'found option "pin", expected blades, tlbEntries, maxAsid'],
    [{ blades: 0 }, 'blades is a number from 1 to 15, found 0'],
    [{ blades: 'two' }, 'blades is a number from 1 to 15, found "two"'],
    [{ tlbEntries: 100 }, 'tlbEntries is a power of two up to 65536, found 100'],
    [{ maxAsid: 60 }, 'maxAsid is a multiple of 8 from 152 to 16777200, found 60'],
    [{ controlBlocks: 3 }, 'controlBlocks is a multiple of 2 up to 128, found 3'],
    [{ dataSegmentBytes: 65536 }, 'dataSegmentBytes is a multiple of 1024 up to 32768, found 65536'],
    [{ missMode: 'poll' }, 'missMode is "interrupt" or "user-polling", found "poll"'],
    [{ tlbPreload: -1 }, 'tlbPreload is a number from 0 to 100, found -1'],
    [{ blades: 2, blade: 2 }, 'blade is a number from 0 to 1, found 2'],
    [{ gseg: 1 }, 'gseg is true or false, found 1'],
    [{ chiplet: 2 }, 'chiplet is a number from 0 to 1, found 2'],
  ])('%j is refused with one line', (options, message) => {
    expect(() => checkOptions(options as GruOptions)).toThrow(`gru: ${message}`);
  });

  it('of a context stand beside those of the driver', () => {
    const { context } = checkOptions({ controlBlocks: 8, blades: 2 });
    expect(checkContextOptions({ blade: 1 }, context, 2)).toMatchObject({ controlBlocks: 8, blade: 1 });
    expect(() => checkContextOptions({ tlbEntries: 64 } as never, context, 2)).toThrow('found option "tlbEntries"');
  });
});
