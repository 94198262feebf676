/** A report that CI systems read. */
import type { CheckResult } from '@mmu-notifier/checker';
import { describeFinding } from './describe.ts';
import { verdictLine } from './summary.ts';

export function junit(results: readonly CheckResult[]): string {
  const failed = results.filter(({ verdict }) => !verdict.startsWith('held')).length;
  const cases = results.map((result) => {
    const name = `  <testcase classname="mmu-notifier check" name="${escape(result.program)}"`;
    if (result.verdict.startsWith('held')) return `${name}/>`;
    const detail = result.finding === undefined ? '' : describeFinding(result.finding, 'blocks');
    const message = escape(verdictLine(result));
    return `${name}>\n    <failure message="${message}">${escape(detail)}</failure>\n  </testcase>`;
  });
  const suite = `<testsuite name="mmu-notifier check" tests="${results.length}" failures="${failed}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${suite}\n${cases.join('\n')}\n</testsuite>\n`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);
}
