/** `check`: litmus tests under every interleaving that differs. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withoutGuard as withoutCoreGuard } from '@mmu-notifier/core/testing';
import { type KvmGuard, withoutGuard } from '@mmu-notifier/kvm/testing';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Scratch, command, expectOneLine } from './command.ts';

const DOCS = join(__dirname, '../../../docs');
const LITMUS = join(DOCS, 'litmus');
const FILES = readdirSync(LITMUS).filter((name) => name.endsWith('.mm'));

const scratch = new Scratch();
afterAll(() => scratch.remove());

const litmus = (name: string): string => join(LITMUS, `${name}.mm`);

interface Report {
  readonly checks: readonly {
    readonly verdict: string;
    readonly runs: number;
    readonly outcomes: Readonly<Record<string, number>>;
    readonly finding?: { readonly violation: { readonly oracle: string }; readonly trace: readonly unknown[] };
  }[];
}

async function checked(...args: string[]): Promise<Report['checks'][number] & { code: number }> {
  const { code, out } = await command('check', ...args, '--json');
  const [first] = (JSON.parse(out) as Report).checks;
  if (first === undefined) throw new Error('expected one check');
  return { ...first, code };
}

describe.each(FILES)('docs/litmus/%s', (name) => {
  it('holds, and ends in every way in which random schedules end', async () => {
    const { verdict, outcomes } = await checked(join(LITMUS, name));
    expect(verdict).toBe('held');
    for (const how of ['random', 'pct', 'pos']) {
      const sampled = await checked(join(LITMUS, name), '--search', how, '--runs', '150');
      expect(Object.keys(outcomes)).toEqual(expect.arrayContaining(Object.keys(sampled.outcomes)));
    }
  });
});

describe('a scenario in TypeScript', () => {
  const collision = join(DOCS, 'examples/collision.ts');
  const withoutComparison = (): string => {
    const source = readFileSync(collision, 'utf8');
    return scratch.file('no-comparison.ts', source.replace(/const collided = .*/, 'const collided = false;'));
  };

  it('is explored and audited as a script is', async () => {
    expect(await checked(collision)).toMatchObject({ code: 0, verdict: 'held', runs: 5 });
    expect((await command('check', collision, '--audit')).out).toMatch(/all commute/);
  });

  it('without the comparison that it is about is found broken, and replayed from the schedule', async () => {
    const broken = withoutComparison();
    const { verdict, finding } = await checked(broken, '--save', scratch.path);
    expect([verdict, finding?.violation.oracle]).toEqual(['violated', 'stale-translation']);
    const schedule = join(scratch.path, 'no-comparison.ts.schedule.json');
    const { code, out } = await command('check', broken, '--replay', schedule, '--trace');
    expect(code).toBe(1);
    expect(out).toContain('LockAcquire driver');
  });

  it.each([
    ['', /found no default export, expected a program/],
    ['export default 3', /found a default export without run/],
    ['export default { run(', /the module cannot be loaded: ParseError/],
    ['export default { run() { return 3; } }', /found a run that ended without outcome/],
    ['export default { run() { throw new TypeError("no machine"); } }', /bad\.ts threw TypeError: no machine/],
  ])('%j is refused in one line', async (source, line) => {
    expectOneLine(await command('check', scratch.file('bad.ts', source)), line);
  });
});

describe('a check that is left', () => {
  const race = join(__dirname, 'races/register.mm');
  const file = (): string => join(scratch.path, 'register.checkpoint');

  it('goes on from its checkpoint, counts nothing twice, and leaves none when it has its verdict', async () => {
    const whole = await checked(race, '--failures', '0');
    expect(await checked(race, '--failures', '0', '--runs', '100', '--checkpoint', file())).toMatchObject({
      runs: 100,
    });
    expect(await checked(race, '--resume', file(), '--runs', '300')).toMatchObject({ runs: 300 });
    expect(await checked(race, '--resume', file())).toEqual(whole);
    expect(existsSync(file())).toBe(false);
  });

  it('is refused in one line where it cannot go on', async () => {
    await command('check', race, '--failures', '0', '--runs', '5', '--checkpoint', file());
    const refused = async (line: RegExp, ...args: string[]): Promise<void> =>
      expectOneLine(await command('check', ...args), line);
    await refused(/found a checkpoint of .*register\.mm, expected one of/, litmus('shootdown'), '--resume', file());
    await refused(/--failures: found 1, expected 0 as in/, race, '--resume', file(), '--failures', '1');
    await refused(/found no such file, expected what check --checkpoint/, race, '--resume', `${file()}.none`);
    await refused(/found other JSON/, race, '--resume', scratch.file('other.json', '{}'));
    await refused(/--resume: expected --search optimal/, race, '--resume', file(), '--search', 'pos');
    await refused(/--checkpoint: found 2 files, expected one/, race, litmus('shootdown'), '--checkpoint', file());
    await refused(/--checkpoint: .*found no such folder/, race, '--checkpoint', '/nowhere/x');
  });
});

describe('without a guard', () => {
  it.each<[KvmGuard, string]>([
    ['sequence-check', 'stale-translation'],
    ['in-progress-check', 'stale-translation'],
    ['check-under-lock', 'stale-translation'],
    ['sequence-at-end', 'stale-translation'],
    ['flush', 'start-is-a-barrier'],
  ])("KVM's %s, a check finds it by %s", async (guard, oracle) => {
    const restore = withoutGuard(guard);
    try {
      const { verdict, finding, code } = await checked(litmus('gup-vs-munmap'));
      expect({ code, verdict, oracle: finding?.violation.oracle }).toEqual({ code: 1, verdict: 'violated', oracle });
    } finally {
      restore();
    }
  });

  it.each([
    ['take-all-locks', 'register-vs-dontneed', 'registration'],
    ['flush-before-free', 'shootdown', 'use-after-free'],
  ] as const)("core's %s, %s finds it by %s", async (guard, file, oracle) => {
    const restore = withoutCoreGuard(guard);
    try {
      expect((await checked(litmus(file))).finding?.violation.oracle).toBe(oracle);
    } finally {
      restore();
    }
  });
});

const DEADLOCK_FREE = `p1 mmap 0x10000 4K rw private,anonymous,fixed
@a p1 load 0x10000 1 -> r
@b p1 store 0x10000 01
`;

describe('check', () => {
  const wrong = scratch.file('wrong.mm', `${DEADLOCK_FREE}forbid $r == 01\n`);

  it('shows the simplest run that breaks a rule, one column for each task', async () => {
    const { code, out } = await command('check', wrong);
    expect(code).toBe(1);
    expect(out).toMatch(/^\S+wrong\.mm: violated, in \d runs\n\nforbid: line 4 forbids \$r == 01; \$r is 01\n/);
    expect(out).toMatch(/\d+ steps, 0 preemptions\n/);
    expect(out).toMatch(/\nstep +a +b\n/);
    expect(out).toMatch(/2: p1 load 0x10000 1 -> r/);
    expect(out).toMatch(/2: = 01/);
  });

  it('saves its schedule, and replays it byte for byte', async () => {
    const folder = join(scratch.path, 'schedules');
    const { out } = await command('check', wrong, '--save', folder);
    const saved = join(folder, 'wrong.schedule.json');
    expect(out).toContain(`again: mmu-notifier check ${wrong} --replay ${saved} --trace\n`);
    const again = await command('check', wrong, '--replay', saved, '--trace');
    expect(again.code).toBe(1);
    expect(again.out).toMatch(/PteStore \d+/);
    expect((await command('check', wrong, '--replay', saved, '--trace')).out).toBe(again.out);
    // Another script is not what the schedule is of.
    expectOneLine(await command('check', litmus('shootdown'), '--replay', saved), /is not of \S+ as it is now/);
  });

  it('answers in JSON, and for CI', async () => {
    const report = join(scratch.path, 'junit.xml');
    const { verdict, runs, outcomes } = await checked(litmus('shootdown'), '--junit', report);
    expect({ verdict, runs }).toEqual({ verdict: 'held', runs: Object.values(outcomes).reduce((a, b) => a + b) });
    expect(readFileSync(report, 'utf8')).toContain('<testsuite name="mmu-notifier check" tests="1" failures="0">');
    await command('check', wrong, '--junit', report);
    expect(readFileSync(report, 'utf8')).toContain('<failure message="');
  });

  it('answers in JSON as its schema says, and saves schedules so', async () => {
    const schema = JSON.parse(readFileSync(join(DOCS, 'check-report.schema.json'), 'utf8')) as object;
    const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTuples: false });
    const valid = ajv.compile(schema);
    const report = await command('check', wrong, '--save', join(scratch.path, 'valid'), '--json');
    for (const { out } of [report, await command('check', litmus('shootdown'), '--runs', '1', '--json')]) {
      valid(JSON.parse(out));
      expect(valid.errors ?? []).toEqual([]);
    }
    const saved = ajv.compile({
      ...schema,
      $id: 'schedule',
      $ref: '#/$defs/schedule',
      type: 'object',
      required: [],
      properties: {},
      additionalProperties: true,
    });
    saved(JSON.parse(readFileSync(join(scratch.path, 'valid/wrong.schedule.json'), 'utf8')));
    expect(saved.errors ?? []).toEqual([]);
  });

  it('says what it has not tried', async () => {
    expect((await command('check', litmus('gup-vs-munmap'), '--failures', '0')).out).toMatch(
      /: held up to 0 failures\n/,
    );
    expect((await command('check', litmus('gup-vs-munmap'), '--runs', '3')).out).toMatch(/: held up to 3 runs\n/);
    expect((await command('check', litmus('shootdown'), '--search', 'pos', '--runs', '5')).out).toMatch(/5 pos runs\n/);
  });

  it('misses an `exists` that no interleaving meets', async () => {
    const { code, out } = await command('check', scratch.file('never.mm', `${DEADLOCK_FREE}exists $r == 02\n`));
    expect(code).toBe(1);
    expect(out).toMatch(/never\.mm: violated: of \d+ runs none meets line 4: exists \$r == 02\n/);
  });

  it.each([
    [['--search', 'best'], /--search: found "best", expected one of optimal, all, bounded, random, pct, pos/],
    [['--runs', '0'], /--runs: found "0"/],
    [['--preemptions', '1'], /--preemptions: expected --search bounded with it, found optimal/],
    [['--seed', '1'], /--seed: expected --search random, pct or pos with it, found optimal/],
    [['--replay', 'nowhere.json'], /--replay: nowhere\.json: found no such file/],
    [['--junit', '/nowhere/x.xml'], /--junit: \/nowhere\/x\.xml: found no such folder/],
  ])('with %p', async (flags, message) => {
    expectOneLine(await command('check', litmus('shootdown'), ...flags), message);
  });

  it('of more tasks than can be explored', async () => {
    const tasks = Array.from({ length: 32 }, (_, i) => `@t${i} p1 load 0x10000 1\n`).join('');
    expectOneLine(await command('check', scratch.file('many.mm', tasks)), /found more than 31 tasks, expected fewer/);
  });

  it('of what is no litmus test', async () => {
    expectOneLine(
      await command('check', 'nowhere.mm'),
      /nowhere\.mm: found no such file, expected a script with tasks/,
    );
    expectOneLine(await command('check', scratch.file('flat.mm', 'p1 brk 0\n')), /found a script without tasks/);
    scratch.file('empty/readme.txt', '');
    expectOneLine(await command('check', join(scratch.path, 'empty')), /found a folder without \.mm files/);
    expectOneLine(
      await command('check', wrong, '--replay', scratch.file('no.json', '{"format":1}')),
      /found other JSON, expected a schedule/,
    );
  });
});

describe('check --audit', () => {
  interface Audits {
    readonly audits: readonly { readonly program: string; readonly swaps: number; readonly undeclared: unknown[] }[];
  }

  const withTasks = (folder: string): string[] =>
    readdirSync(join(__dirname, folder))
      .filter((name) => name.endsWith('.mm'))
      .map((name) => join(__dirname, folder, name))
      .filter((path) => /^@/m.test(readFileSync(path, 'utf8')));

  it.each([
    ['the litmus tests', [LITMUS]],
    ['scripts in which every call races with another', withTasks('races')],
    ["KVM's own tests", [...withTasks('kvm-selftests'), ...withTasks('kvm-unit-tests')]],
  ])('finds nothing undeclared in %s', async (_, paths) => {
    const { code, out } = await command('check', ...paths, '--audit', '--runs', '15', '--failures', '1', '--json');
    const { audits } = JSON.parse(out) as Audits;
    expect(audits.flatMap(({ undeclared }) => undeclared)).toEqual([]);
    expect(audits.reduce((sum, { swaps }) => sum + swaps, 0)).toBeGreaterThan(300);
    expect(code).toBe(0);
  });

  it('says what it tried, in a line', async () => {
    const { out } = await command('check', litmus('gup-vs-munmap'), '--audit', '--runs', '10');
    expect(out).toMatch(/gup-vs-munmap\.mm: \d+ pairs of steps swapped, in 10 runs: all commute\n$/);
  });

  it('shows the two steps where a driver shares what it does not declare', async () => {
    const restore = withoutCoreGuard('declarations');
    try {
      const { code, out } = await command('check', litmus('gup-vs-munmap'), '--audit');
      expect(code).toBe(1);
      expect(out).toMatch(/\d+ do not commute, and do not say so\n\n {2}\w+: /);
      expect(out).toContain('the other way round');
    } finally {
      restore();
    }
  });

  it('makes runs of its own', async () => {
    for (const extra of [
      ['--search', 'pct'],
      ['--replay', 'x.json'],
    ])
      expectOneLine(
        await command('check', litmus('shootdown'), '--audit', ...extra),
        /--audit: found --search or --replay/,
      );
  });
});
