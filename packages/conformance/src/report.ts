/** The report as Markdown, to be pasted where a driver is reviewed. */
import type { ConformanceReport, ScenarioResult } from './conform.ts';

/** @public */
export function conformanceTable({ plugin, scenarios, traits, conforms }: ConformanceReport): string {
  const lines = [
    `**${plugin}** ${conforms ? 'conforms' : 'does not conform'}: ${summary(scenarios)}`,
    '',
    '| scenario | verdict | interleavings |',
    '| --- | --- | --- |',
  ];
  let group = '';
  for (const scenario of scenarios) {
    if (scenario.group !== group) lines.push(`| **${(group = scenario.group)}** | | |`);
    lines.push(`| ${scenario.name} | ${verdictOf(scenario)} | ${scenario.runs.toLocaleString('en')} |`);
  }
  lines.push('', '| trait | declared | seen | |', '| --- | --- | --- | --- |');
  for (const { trait, declared, seen, verdict } of traits)
    lines.push(`| ${trait} | ${declared} | ${seen || '—'} | ${verdict} |`);
  return `${lines.join('\n')}\n`;
}

function summary(scenarios: readonly ScenarioResult[]): string {
  const counts = new Map<string, number>();
  for (const { verdict, undeclared } of scenarios) {
    const word =
      undeclared.length > 0 ? 'with undeclared state' : verdict === 'held up to' ? 'held up to a bound' : verdict;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

function verdictOf({ verdict, reason, check, undeclared }: ScenarioResult): string {
  if (undeclared.length > 0) return `${verdict}, but ${undeclared.length} pairs of steps share undeclared state`;
  const finding = check?.finding?.violation;
  if (finding !== undefined) return `**${verdict}**: \`${finding.oracle}\`: ${finding.message.replaceAll('|', '\\|')}`;
  return reason === undefined ? verdict : `${verdict} (${reason})`.replace('held up to (', 'held up to (');
}
