import { Scratch } from '../test/command.ts';
import { loadPlugin } from './plugins.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

/** What definePlugin makes, written out: a driver of a user may come with its own copy of the contract. */
const plugin = (api: string): string =>
  `{ [Symbol.for('@mmu-notifier/plugin-api/plugin/v1')]: true, name: 'mine', api: '${api}', traits: {}, *attach() {} }`;

const load = async (name: string, content: string): ReturnType<typeof loadPlugin> => {
  scratch.file(name, content);
  return loadPlugin(`./${name}`, scratch.path);
};

describe('a driver', () => {
  it('by its short name is a package of this project', async () => {
    const { create, file } = await loadPlugin('kvm');
    expect(create({ vcpuTlbEntries: 64 })).toMatchObject({ name: 'kvm', traits: { pins: 'none' } });
    expect(create({ pin: true })).toMatchObject({ traits: { pins: 'longterm' } });
    expect(file).toBeUndefined();
  });

  it.each([
    ['default.ts', `const plugin: unknown = ${plugin('^1.0.0')}; export default plugin;`],
    ['factory.ts', `export default (options?: { n: number }) => (${plugin('^1.0.0')});`],
    ['named.mjs', `export const plugin = ${plugin('^1.0.0')};`],
    ['common.cjs', `module.exports = { plugin: ${plugin('^1.0.0')} };`],
  ])('in a file is its default export or the one named "plugin": %s', async (name, content) => {
    const loaded = await load(name, content);
    expect(loaded.create()).toMatchObject({ name: 'mine' });
    expect(loaded.file).toMatch(name);
  });

  it('for another version of the contract is refused with both versions', async () => {
    const { create } = await load('old.ts', `export default ${plugin('^0.4.0')};`);
    expect(create).toThrow('driver ./old.ts: the plugin was built for plugin-api ^0.4.0, this machine has 1.1.0');
  });

  it('that is none is refused', async () => {
    const { create } = await load('object.ts', 'export default () => ({ name: "mine" });');
    expect(create).toThrow(
      'driver ./object.ts: found an object without the brand of a plugin, expected a plugin made with definePlugin',
    );
  });

  it('that refuses its options says so in one line', async () => {
    const { create } = await loadPlugin('kvm');
    expect(() => create({ vcpuTlbEntries: 3 })).toThrow(
      'driver kvm: kvm: vcpuTlbEntries is a power of two up to 65536, found 3',
    );
  });

  it.each([
    ['./nowhere.ts', 'driver ./nowhere.ts: found no such file, expected a module that exports a plugin'],
    ['.', 'driver .: found a directory, expected a module that exports a plugin'],
    [
      'no-such-driver',
      'unknown driver "no-such-driver": there is no package @mmu-notifier/no-such-driver; install it, or give a path',
    ],
    ['Not A Name', 'driver Not A Name: expected a name such as kvm, or a path such as ./my-driver.ts'],
    ['', 'found an empty driver name'],
  ])('that is not there is refused: %s', async (spec, message) => {
    await expect(loadPlugin(spec, scratch.path)).rejects.toThrow(message);
  });

  it('whose module has no plugin, or does not load, is refused', async () => {
    await expect(load('empty.ts', 'export const driver = 1;')).rejects.toThrow(
      'driver ./empty.ts: found driver, expected a plugin or a function that returns one, as default export or named "plugin"',
    );
    await expect(load('broken.ts', 'export default (')).rejects.toThrow(
      'driver ./broken.ts: the module cannot be loaded',
    );
    await expect(load('throws.ts', 'throw new Error("no licence");')).rejects.toThrow(
      'driver ./throws.ts: the module cannot be loaded: no licence',
    );
  });
});
