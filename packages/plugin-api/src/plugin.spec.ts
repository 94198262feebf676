import { PLUGIN_BRAND, definePlugin, isPlugin } from './plugin.ts';
import type { PluginTraits } from './plugin.ts';
import { isErrno } from './errno.ts';
import { TASK_SIZE, gfn, pfn, virtualAddress } from './units.ts';

const TRAITS: PluginTraits = {
  kind: 'tlb-only',
  registration: 'mm',
  callbacks: {},
  nonBlockable: 'proceeds',
  pins: 'none',
  invalidateAt: 'start',
  faultMode: 'as-asked',
  dirty: 'at-map',
  pageSizes: [4096],
  addressSpaces: 'one',
};

describe('a plugin', () => {
  const plugin = definePlugin({
    name: 'mine',
    api: '^1.0.0',
    traits: TRAITS,
    attach: () => {
      throw new Error('is not attached here');
    },
  });

  it('is known by its brand, whatever copy of this package made it', () => {
    expect(isPlugin(plugin)).toBe(true);
    expect(isPlugin({ ...plugin })).toBe(true);
    expect(PLUGIN_BRAND).toBe(Symbol.for('@mmu-notifier/plugin-api/plugin/v1'));
  });

  it.each([undefined, null, 'kvm', 7, {}, { name: 'mine', api: '^1.0.0', traits: TRAITS }])('is not %p', (value) => {
    expect(isPlugin(value)).toBe(false);
  });
});

describe('units', () => {
  it('keep a pfn inside a word of a pte', () => {
    expect(pfn(2 ** 32 - 1)).toBe(2 ** 32 - 1);
    expect(() => pfn(2 ** 32)).toThrow(RangeError);
    expect(() => pfn(-1)).toThrow(RangeError);
    expect(() => pfn(0.5)).toThrow(RangeError);
  });

  it('keep an address inside user space', () => {
    expect(virtualAddress(TASK_SIZE)).toBe(0x7ffffffff000);
    expect(() => virtualAddress(TASK_SIZE + 1)).toThrow(RangeError);
  });

  it('keep a gfn inside what a guest can have', () => {
    expect(gfn(2 ** 40)).toBe(2 ** 40);
    expect(() => gfn(2 ** 40 + 1)).toThrow(RangeError);
  });
});

describe('an errno', () => {
  it('is told from a result', () => {
    expect(isErrno('EAGAIN')).toBe(true);
    expect(['mmio', 'done', 5, undefined, { pfn: 1 }].some(isErrno)).toBe(false);
  });
});
