import { totalmem } from 'node:os';
import {
  formatBytes,
  formatCount,
  parseCount,
  parseHostMemory,
  parseRam,
  parseSeed,
  parseShare,
  parseSize,
  parseSwap,
} from './sizes.ts';

describe('sizes', () => {
  it.each([
    ['4096', 4096],
    ['64M', 64 * 2 ** 20],
    ['64m', 64 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    ['64MiB', 64 * 2 ** 20],
    ['0', 0],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text, '--swap')).toBe(bytes);
  });

  it('are rounded up to whole pages', () => {
    expect(parseSize('1', '--swap')).toBe(4096);
    expect(parseSize('5K', '--swap')).toBe(8192);
  });

  it.each(['', '-1', '64X', '0x1000', 'M', '1e3', '٣'])('"%s" is none, and the error names the option', (text) => {
    expect(() => parseSize(text, '--swap')).toThrow(`--swap: found "${text}", expected a size such as 64M or 1G`);
  });

  it('of memory are more than nothing, and no more than this host has', () => {
    expect(() => parseHostMemory('0', '--ram')).toThrow('--ram: found "0", expected more than 0');
    expect(() => parseHostMemory(String(totalmem() + 4096), '--ram')).toThrow(
      'expected at most the memory of this host',
    );
    expect(() => parseHostMemory('999999999999999999999T', '--ram')).toThrow('expected at most the memory');
  });

  it('of swap may be 0, and have a limit', () => {
    expect(parseSwap('0', '--swap')).toBe(0);
    expect(() => parseSwap('2T', '--swap')).toThrow('--swap: found "2T", expected at most 1 TiB');
  });
});

describe('memory', () => {
  it('is bytes or a percentage', () => {
    expect(parseRam('64M', '--ram')).toEqual({ kind: 'bytes', bytes: 64 * 2 ** 20 });
    expect(parseRam('12.5%', '--ram')).toEqual({ kind: 'percent', percent: 12.5 });
  });

  it.each(['0%', '10001%', '%', '-5%', 'half'])('is not %s', (text) => {
    expect(() => parseRam(text, '--ram')).toThrow(`--ram: found "${text}"`);
  });
});

describe('shares', () => {
  it.each([
    ['1/4', 1, 4],
    ['2/8', 1, 4],
    ['25%', 1, 4],
    ['0.25', 1, 4],
    ['0', 0, 1],
    ['1', 1, 1],
  ])('%s is %d of %d', (text, numerator, denominator) => {
    expect(parseShare(text, '--device-share')).toEqual({ numerator, denominator });
  });

  it.each(['1/0', '5/4', '101%', '1.5', 'all', '-1/4'])('%s is no part', (text) => {
    expect(() => parseShare(text, '--device-share')).toThrow('expected a part from 0 to 1 such as 1/4 or 25%');
  });
});

describe('numbers', () => {
  it('are whole, and large enough', () => {
    expect(parseCount('1000', '--seeds', 1)).toBe(1000);
    expect(() => parseCount('0', '--seeds', 1)).toThrow('--seeds: found "0", expected a whole number of at least 1');
    expect(() => parseCount('1.5', '--seeds', 1)).toThrow();
    expect(() => parseCount('99999999999999999999', '--seeds', 1)).toThrow();
  });

  it('as seeds have 32 bits', () => {
    expect(parseSeed('4294967295', '--seed')).toBe(4294967295);
    expect(() => parseSeed('4294967296', '--seed')).toThrow('expected a number below 4294967296');
  });

  it('are printed as people read them', () => {
    expect([0, 999, 1000, 1994723].map(formatCount)).toEqual(['0', '999', '1,000', '1,994,723']);
    expect([0, 1023, 1024, 1536, 64 * 2 ** 20].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '64 MiB',
    ]);
  });
});
