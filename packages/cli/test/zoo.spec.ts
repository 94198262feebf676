/**
 * The kill table: with its guard each litmus test holds (`check.spec.ts`), without it the oracle says what goes wrong. The
 * table of `docs/zoo.md` is what is found here; `UPDATE_ZOO=1` writes it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckResult, check } from '@mmu-notifier/checker';
import { loadLitmus } from '../src/check/litmus.ts';
import { MUTANTS, type Mutant } from './zoo.ts';

const DOCS = join(__dirname, '../../../docs');
const PAGE = join(DOCS, 'zoo.md');

async function without({ litmus, remove }: Mutant): Promise<CheckResult> {
  const program = await loadLitmus(join(DOCS, 'litmus', `${litmus}.mm`), []);
  const restore = remove();
  try {
    const search = check(program);
    let step = search.next();
    while (!step.done) step = search.next();
    return step.value;
  } finally {
    restore();
  }
}

function rowOf({ guard, race, litmus, oracle }: Mutant, { runs, finding }: CheckResult): string {
  const preemptions = `${finding?.preemptions}${finding?.fewest === 'proved' ? '' : ' or fewer'}`;
  const cells = [
    guard,
    race,
    `[${litmus}](litmus/${litmus}.mm)`,
    `\`${oracle}\``,
    runs,
    preemptions,
    finding?.trace.length,
  ];
  return `| ${cells.join(' | ')} |`;
}

const rows: string[] = [];

it.each(MUTANTS.map((mutant) => [mutant.guard, mutant] as const))('without %s the race is found', async (_, mutant) => {
  const result = await without(mutant);
  expect({ verdict: result.verdict, oracle: result.finding?.violation.oracle }).toEqual({
    verdict: 'violated',
    oracle: mutant.oracle,
  });
  rows.push(rowOf(mutant, result));
});

it('the page says what is found', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', , after = ''] = page.split(/<!-- (?:begin|end) of the table -->\n/);
  const head =
    '| without | so that | litmus test | found by | runs | preemptions | steps |\n|---|---|---|---|---|---|---|';
  const now = `${before}<!-- begin of the table -->\n${head}\n${rows.join('\n')}\n<!-- end of the table -->\n${after}`;
  if (process.env['UPDATE_ZOO'] === '1') writeFileSync(PAGE, now);
  else expect(page).toBe(now);
});
