/** `conform`: the conformance suite on a command line. */
import { join } from 'node:path';
import { withoutGuard } from '@mmu-notifier/kvm/testing';
import { Scratch, command, expectOneLine } from './command.ts';

const MY_DRIVER = join(__dirname, '../../../docs/examples/my-driver.ts');
const FEW = ['--runs', '3'];

const scratch = new Scratch();
afterAll(() => scratch.remove());

it("prints a table to paste: the tutorial's driver conforms", async () => {
  const { code, out } = await command('conform', MY_DRIVER, '--runs', '20');
  expect(out).toMatch(/^\*\*my-device\*\* conforms: \d+ held/);
  expect(out).toContain('| munmap under a load, its translation absent | held');
  expect(out).toContain('| pins | none | none | proved |');
  expect(code).toBe(0);
});

it('shows a counterexample for each scenario that is broken, in the words of the scenario', async () => {
  const restore = withoutGuard('flush');
  try {
    const { code, out } = await command('conform', 'kvm', ...FEW);
    expect(out).toMatch(/^\*\*kvm\*\* does not conform: /);
    expect(out).toContain('### munmap under a load, its translation present\n\nstart-is-a-barrier: ');
    expect(out).toMatch(/step .*host\n(.*\n)*.*munmap/);
    expect(code).toBe(1);
  } finally {
    restore();
  }
});

it('takes options of the driver, and answers in JSON', async () => {
  const { code, out } = await command('conform', '@mmu-notifier/kvm', '--options', '{"pin":true}', '--json', ...FEW);
  const report = JSON.parse(out) as {
    plugin: string;
    conforms: boolean;
    traits: { trait: string; declared: string }[];
  };
  expect([code, report.plugin, report.conforms]).toEqual([1, 'kvm', false]);
  expect(report.traits).toContainEqual(
    expect.objectContaining({ trait: 'pins', declared: 'longterm', verdict: 'proved' }),
  );
});

it('says in a line what it cannot use', async () => {
  expectOneLine(await command('conform', 'nothing-there'), /unknown driver "nothing-there"/);
  expectOneLine(await command('conform', 'kvm', '--options', '{'), /--options: found \{, expected JSON/);
  expectOneLine(
    await command('conform', 'kvm', '--options', '{"mode":"none"}'),
    /mode is "direct" or "shadow", found "none"/,
  );
  expectOneLine(await command('conform', 'kvm', '--runs', 'many'), /--runs/);
  expectOneLine(await command('conform', scratch.file('no.ts', 'export const x = 1;\n')), /expected a plugin/);
});
