/** Reports are as `docs/replay-report.schema.json` says, and its description speaks of every field. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Scratch, command } from './command.ts';
import { exampleReport, pinnedReport } from './example-report.ts';

const DOCS = join(__dirname, '../../../docs');
const schema = JSON.parse(readFileSync(join(DOCS, 'replay-report.schema.json'), 'utf8')) as {
  $defs: Record<string, { properties?: Record<string, unknown> }>;
};
const validate = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  schema,
);

const scratch = new Scratch();
afterAll(() => scratch.remove());

function expectValid(report: unknown): void {
  validate(report);
  expect(validate.errors ?? []).toEqual([]);
}

const PAGES = 40;
const lines = (line: (address: string) => string): string[] =>
  Array.from({ length: PAGES }, (_, page) => line(`0x${(0x10000000 + page * 4096).toString(16)}`));
const RECORDING = [
  '#! mm 1',
  'p1 mmap 0 160K rw private,anonymous = 0x10000000',
  ...lines((address) => `p1 store ${address} 0x8`),
  ...lines((address) => `p1 load ${address} 8`),
  'p1 madvise 0x10000000 4K hugepage',
  'p1 load 0x20000000 1',
  'p1 exit',
  '',
].join('\n');

const parsed = async (...flags: string[]): Promise<unknown> => {
  const path = scratch.file('tiny.mm', RECORDING);
  scratch.file('tiny.truth.json', '{"processes":2}');
  return JSON.parse((await command('replay', path, '--json', ...flags)).out) as unknown;
};

describe('the schema of a report', () => {
  it.each([
    [[]],
    [['--attach', 'kvm', '--ram', '50%']],
    [['--attach', 'kvm,kvm', '--ram', '1M', '--no-oracles']],
    [['--pin', '--device-share', '1', '--ram', '128K', '--swap', '0']],
    [['--compare-pin']],
    [['--perfetto', join(scratch.path, 'out.pftrace')]],
  ])('holds for replay %p', async (flags) => {
    expectValid(await parsed(...flags));
  });

  it('holds for reports of every outcome', () => {
    expectValid(exampleCounts(exampleReport()));
    expectValid(exampleCounts(pinnedReport()));
    const violation = {
      oracle: 'use-after-free',
      message: 'frame 7 is freed',
      task: 'p1',
      tasks: [{ name: 'p1', at: 'frame free' }],
      schedule: ['p1*12'],
      details: { pfn: 7 },
    };
    expectValid(
      exampleCounts(exampleReport({ outcome: { kind: 'violation', event: 3, violation }, violations: [violation] })),
    );
  });

  it('refuses a field that nobody has documented', () => {
    expect(validate({ ...exampleCounts(exampleReport()), surprise: 1 })).toBe(false);
  });

  it('is described field by field', () => {
    const page = readFileSync(join(DOCS, 'replay-report.md'), 'utf8');
    const fields = Object.values(schema.$defs).flatMap(({ properties }) => Object.keys(properties ?? {}));
    // `accesses`, `machine.oracles`, or a part of them.
    const described = new Set(
      [...page.matchAll(/[`"]([a-zA-Z.]+)[`"]/g)].flatMap(([, name]) => (name ?? '').split('.')),
    );
    expect(fields.filter((field) => !described.has(field))).toEqual([]);
  });
});

/** The example has no counts of its own. */
function exampleCounts(report: object): object {
  const counts = { pageSize: 4096, lines: 1, accesses: {}, processes: 1, images: [], events: {}, forks: [] };
  return { ...report, counts };
}
