/** Whatever is wrong with the command or its input: one clear line, status 2, no stack trace, nothing that looks like a report. */
import { mkdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { Scratch, command, expectOneLine } from './command.ts';

const BUNDLED = join(__dirname, '../../trace/recordings/redis/lackey.txt.xz');

const scratch = new Scratch();
afterAll(() => scratch.remove());

const small = (): string =>
  scratch.file('small.mm', '#! mm 1\np1 mmap 0x10000 4K rw private,anonymous,fixed\np1 exit 0\n');

describe('a recording', () => {
  const packed = readFileSync(BUNDLED);

  it.each<[string, Uint8Array | string, RegExp]>([
    ['that ends too early', packed.subarray(0, 700_000), /bad\.xz: found xz data that ends too early/],
    ['that is damaged', flipped(packed, 300_000), /bad\.xz: found damaged xz data/],
    ['that is cut in the middle of a line', '#! mm 1\np1 load 0x1000 4\np1 lo', /bad\.xz:3/],
    ['of another kind', '<html></html>', /found the text "<html><\/html>", expected the event language/],
    ['of bytes', Uint8Array.from({ length: 4096 }, (_, i) => (i * 89) % 256), /found binary data/],
    ['without anything in it', '', /found an empty file, expected a recording/],
    ['with a call that is none', '#! mm 1\np1 frobnicate 0x1000\n', /bad\.xz:2:4: found "frobnicate"/],
    ['with an unknown advice', '#! mm 1\np1 madvise 0x1000 4K whatever\n', /bad\.xz:2:\d+: found "whatever", expected/],
    [
      'that accesses a name',
      '#! mm 1\np1 mmap 0x10000 4K rw private,anonymous -> a\np1 store $a 01\n',
      /line 3: found \$a, expected a number/,
    ],
    [
      'with names',
      '#! mm 1\np1 mmap 0x10000 4K rw private,anonymous -> a\np1 munmap $a 4K\n',
      /line 3: found \$a, expected a number/,
    ],
  ])('%s', async (_, content, message) => {
    expectOneLine(await command('replay', scratch.file('bad.xz', content), '--json'), message);
  });

  it('that is not there, or is a folder', async () => {
    expectOneLine(await command('replay', join(scratch.path, 'nowhere')), /found no such file, expected a recording/);
    mkdirSync(join(scratch.path, 'folder'));
    expectOneLine(await command('replay', join(scratch.path, 'folder')), /found a directory, expected a recording/);
  });

  it('whose truth is no truth', async () => {
    const path = scratch.file('odd.mm', readFileSync(small(), 'utf8'));
    scratch.file('odd.truth.json', '{');
    expectOneLine(await command('replay', path), /odd\.truth\.json: expected the counts of the recording as JSON/);
  });

  it.each<[string[], RegExp]>([
    [['--ram', '0'], /--ram: found "0", expected more than 0/],
    [['--ram', '0%'], /--ram: found "0%", expected more than 0%/],
    [['--ram', '8K'], /--ram: found "8K", expected at least 64K/],
    [['--ram', `${totalmem() * 2}`], /--ram: found .* expected at most the memory of this host/],
    [['--ram=-1'], /--ram: found "-1", expected a size such as 64M, or a percentage such as 25%/],
    [['--swap', 'lots'], /--swap: found "lots", expected a size/],
    [['--swap', '2T'], /--swap: found "2T", expected at most 1 TiB/],
    [['--device-share', '2'], /--device-share: found "2", expected a part from 0 to 1/],
    [['--attach', 'kvm,kvm', '--device-share', '1'], /found 1\/1 for each of 2 devices, expected at most 1\/2/],
    [['--attach', 'no-such'], /unknown driver "no-such": there is no package @mmu-notifier\/no-such/],
    [['--attach', 'kvm,'], /--attach: found "kvm,", expected names such as kvm,\.\/my-driver\.ts/],
    [['--pin', '--compare-pin'], /--pin and --compare-pin: expected one of them/],
    [['--frob'], /unknown option '--frob'/],
  ])('with %p', async (flags, message) => {
    expectOneLine(await command('replay', small(), ...flags), message);
  });
});

describe('a driver', () => {
  const PLUGIN = (api: string, attach: string): string =>
    `export default { [Symbol.for('@mmu-notifier/plugin-api/plugin/v1')]: true, name: 'mine', api: '${api}', traits: { pins: 'none' }, *attach() { ${attach} } };`;

  it('that was built for another API', async () => {
    const old = scratch.file('old.ts', PLUGIN('^2.0.0', ''));
    const message = /old\.ts: the plugin was built for plugin-api \^2\.0\.0, this machine has 1\.1\.0/;
    expectOneLine(await command('replay', small(), '--attach', old), message);
    const script = scratch.file('attach.mm', `p1 brk 0\nmachine attach dev ${old} p1\n`);
    expectOneLine(await command('run', script), /attach\.mm:2: driver .*built for plugin-api \^2\.0\.0/);
  });

  it('that throws', async () => {
    const throws = scratch.file('throws.ts', PLUGIN('^1.0.0', 'throw new TypeError("x is undefined");'));
    expectOneLine(
      await command('replay', small(), '--attach', throws),
      /error: .*throws\.ts threw TypeError: x is undefined/,
    );
  });

  it('that makes no device', async () => {
    const odd = scratch.file('odd.ts', PLUGIN('^1.0.0', 'return { *open() {} };'));
    expectOneLine(await command('replay', small(), '--attach', odd), /mine: attach made an object without "access"/);
  });

  it('that refuses to be opened', async () => {
    const refuses = scratch.file(
      'refuses.ts',
      PLUGIN(
        '^1.0.0',
        "return { *open() { return 'EBUSY'; }, *access() {}, *close() {}, *detach() {}, translations: () => [] };",
      ),
    );
    expectOneLine(
      await command('replay', small(), '--attach', refuses),
      /driver mine: it answered EBUSY when it was opened for p1/,
    );
  });
});

describe('a script', () => {
  it.each<[string, string, RegExp]>([
    ['with a verb that is none', 'p1 brk 0\np1 lod 0x1000 1\n', /bad\.mm:2:4: found "lod"/],
    ['with a name that nobody bound', 'p1 load $a 1\n', /bad\.mm:1:\d+: found "?\$?a"?/],
    [
      'with a call that this machine does not have',
      'p1 brk 0\nmachine poison p1 0x1000\n',
      /bad\.mm:2: found "machine poison", which this machine does not have yet/,
    ],
    [
      'with work that this machine does not have',
      'machine compact\n',
      /found "machine compact", which this machine does not have yet/,
    ],
    [
      'with an access that is too long',
      'p1 load 0x1000 65M\n',
      /found an access of 68157440 bytes, expected at most 67108864/,
    ],
    ['with a driver that is none', 'machine attach dev nothing p1\n', /bad\.mm:1: unknown driver "nothing"/],
    [
      'with options that a driver refuses',
      'machine attach dev kvm p1 {"mode":"nested"}\n',
      /bad\.mm:1: driver kvm: kvm: mode is "direct" or "shadow", found "nested"/,
    ],
  ])('%s stops before anything runs', async (_, content, message) => {
    expectOneLine(await command('run', scratch.file('bad.mm', content)), message);
  });

  it('with an action that its device does not have stops there', async () => {
    const script = scratch.file('action.mm', 'machine attach kvm0 kvm p1\nkvm0 frob 1\n');
    const { code, out, err } = await command('run', script);
    expect({ code, out }).toEqual({ code: 2, out: '{"line":1,"result":null}\n' });
    expect(err).toMatch(
      /^error: line 2: found "frob", expected a verb of kvm0: load, store, translations, memslot, dirty_log, clear_dirty_log, dirty_ring, reset_dirty_rings, prefault, mmu_pages, async_pf, registers, invlpg, guest\n$/,
    );
  });

  it('that cannot be read', async () => {
    expectOneLine(
      await command('run', join(scratch.path, 'nowhere.mm')),
      /nowhere\.mm: found no such file, expected a script/,
    );
    expectOneLine(await command('run', scratch.path), /found a directory, expected a script/);
  });

  it.each<[string[], RegExp]>([
    [['--seeds', '0'], /--seeds: found "0", expected a whole number of at least 1/],
    [['--seed', 'x'], /--seed: found "x"/],
    [['--seed', '4294967295', '--seeds', '2'], /expected seeds below 4294967296/],
    [['--keep-going'], /--keep-going: expected --seeds N with it/],
    [['--ram', '0'], /--ram: found "0"/],
  ])('with %p', async (flags, message) => {
    expectOneLine(await command('run', scratch.file('ok.mm', 'p1 brk 0\n'), ...flags), message);
  });
});

describe('the command', () => {
  it('without words, or with others than it knows', async () => {
    const alone = await command();
    expect({ code: alone.code, out: alone.out }).toEqual({ code: 2, out: '' });
    expect(alone.err).toMatch(/^Usage: mmu-notifier/);
    expectOneLine(await command('frob'), /unknown command 'frob'/);
    expectOneLine(await command('replay'), /missing required argument 'recording'/);
    expectOneLine(await command('replay', '-'), /-: found standard input, expected a file/);
    expectOneLine(await command('run', 'nowhere.mm', '--seed', 'x'), /--seed: found "x"/);
  });

  it.each([[['--help']], [['run', '--help']], [['replay', '--help']]])('explains itself: %p', async (args) => {
    const { code, out, err } = await command(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Usage: mmu-notifier/);
    if (args.length > 1) expect(out).toContain('Examples:');
  });
});

/** A copy with one byte of the middle changed. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
