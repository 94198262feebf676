/** The stories of docs/history: each ends as its page says, and its page shows what it prints. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Scratch, command } from './command.ts';

const HISTORY = join(__dirname, '../../../docs/history');
const scripts = readdirSync(HISTORY).filter((name) => name.endsWith('.mm'));
const pages = readdirSync(HISTORY).filter((name) => name.endsWith('.md'));
const scratch = new Scratch();
afterAll(() => scratch.remove());

/** Without marks and line breaks. */
const plain = (text: string): string => text.replace(/\s+/g, ' ');

describe('the history', () => {
  it('runs in one command, and every story ends as it is told', async () => {
    const { code, out, err } = await command('run', ...scripts.map((name) => join(HISTORY, name)));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const begun = out.split('\n').filter((line) => line.startsWith('{"script"'));
    expect(begun).toHaveLength(scripts.length);
  });

  it('has each script on a page, and in the list', () => {
    const list = readFileSync(join(HISTORY, 'README.md'), 'utf8');
    const others = pages
      .filter((name) => name !== 'README.md')
      .map((name) => readFileSync(join(HISTORY, name), 'utf8'));
    for (const name of scripts) {
      expect(list).toContain(`\`${name}\``);
      expect(others.some((text) => text.includes(`\`${name}\``))).toBe(true);
    }
  });

  it.each(['gather', 'sleeping'])('shows what %s is stopped by, word for word', async (name) => {
    const { out } = await command('run', join(HISTORY, `${name}-2008.mm`));
    const page = plain(readFileSync(join(HISTORY, `${name}.md`), 'utf8'));
    const quoted = /\*"… (?:while it )?(.*?)"\*/.exec(page)?.[1] ?? '';
    expect(quoted).toContain('rcu');
    expect(out).toContain(quoted);
  });

  it('shows why a driver that sleeps is refused', async () => {
    const { code, err } = await command(
      'run',
      join(HISTORY, 'sleeping-2012.mm'),
      '--kconfig',
      'MMU_NOTIFIER_SLEEPABLE=n',
    );
    expect(code).toBe(2);
    expect(plain(readFileSync(join(HISTORY, 'sleeping.md'), 'utf8'))).toContain(err.trim());
  });
});

describe('the example of XPMEM', () => {
  it('ends as it says, and both ways', async () => {
    const { code, out, err } = await command('run', join(HISTORY, '../examples/xpmem.mm'));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { seeds, exists } = JSON.parse(out) as { seeds: number; exists: { seen: number }[] };
    expect(seeds).toBe(300);
    for (const { seen } of exists) expect(seen).toBeGreaterThan(0);
  });
});

describe('a script that expects a violation', () => {
  const script = (...lines: string[]): string => scratch.file('expect.mm', [...lines, ''].join('\n'));

  it('has found something wrong when the run goes well', async () => {
    const { code, out } = await command('run', script('p1 rss', 'expect sleep-in-atomic'));
    expect(code).toBe(1);
    expect(out).toContain('line 2 expects sleep-in-atomic; the run ended without a violation');
  });

  it('has found something wrong when another oracle stops it', async () => {
    const path = script('p1 mmap 0 4K rw private,anonymous -> a', 'require $a == 00', 'expect sleep-in-atomic');
    const { code, out } = await command('run', path);
    expect(code).toBe(1);
    expect(out).toContain('line 3 expects sleep-in-atomic; the run ended with require');
  });

  it('needs the name of one', async () => {
    const path = script('p1 rss', 'expect $a == 00');
    expect(await command('run', path)).toMatchObject({
      code: 2,
      err: `error: ${path}:2:8: found "$a", expected the name of an oracle, such as sleep-in-atomic\n`,
    });
  });
});

describe('a script that says how it wants to be run', () => {
  const race = ['p1 mmap 0x10000 4K rw private,anonymous,fixed -> a', '@one p1 store $a 01', '@two p1 store $a 02'];

  it('is run so, unless the user says otherwise', async () => {
    const path = scratch.file('asks.mm', ['#! run --seeds 5 --ram 1M', ...race, ''].join('\n'));
    expect(JSON.parse((await command('run', path)).out)).toMatchObject({ seeds: 5 });
    expect(JSON.parse((await command('run', path, '--seeds', '2')).out)).toMatchObject({ seeds: 2 });
    expect((await command('run', path, '--seed', '3')).out.split('\n')[0]).toBe('{"line":2,"result":"0x10000"}');
  });

  it('is told which of its words are none', async () => {
    const path = scratch.file('asks.mm', ['#! run --sedes 5', ...race, ''].join('\n'));
    const { code, err } = await command('run', path);
    expect(code).toBe(2);
    expect(err).toContain(`${path}: found a line "#! run --sedes 5" (unknown option '--sedes'`);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});
