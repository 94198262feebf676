import { readFileSync } from 'node:fs';
import { Dpor } from '@mmu-notifier/checker';
import { parseScript } from '@mmu-notifier/trace';
import { litmus } from '/tmp/wt/me/packages/cli/src/check/litmus.ts';
import { loadPlugin } from '/tmp/wt/me/packages/cli/src/plugins.ts';
import { describePoint, SeededStrategy } from '@mmu-notifier/core';
import { parseKconfig } from '/tmp/wt/me/packages/cli/src/kconfig.ts';
const secs = Number(process.env.SECS ?? 10);
for (const f of process.argv.slice(2)) {
  const script = parseScript(readFileSync(f, 'utf8'), f);
  if (script.tasks.length === 0) continue;
  const plugins = new Map(); for (const e of script.events as any[]) if (e.verb === 'attach') plugins.set(e.plugin, await loadPlugin(e.plugin));
  const k = script.options.indexOf('--kconfig');
  const program = litmus(script, { ramBytes: 4 << 20, swapBytes: 4 << 20, kconfig: k < 0 ? {} : parseKconfig(script.options[k + 1]) } as any, plugins);
  const e: any = new Dpor(program, 20000, Number(process.env.FAIL ?? 0)); let runs = 0, cut = 0, steps = 0; const outcomes = new Map<string, number>(); const t = performance.now(); let viol: any; let max = 0;
  try { for (let r = e.next(); r; r = e.next()) { runs++; steps += r.steps; max = Math.max(max, r.steps); if (!r.end) cut++; else { if (r.end.violation) { viol ??= r.end.violation; } outcomes.set(r.end.outcome, (outcomes.get(r.end.outcome) ?? 0) + 1); } if (performance.now() - t > secs * 1000) { console.log('   TIME'); break; } } } catch (x: any) { console.log('   THREW', String(x.stack).slice(0, 500)); }
  const seeds = Number(process.env.SEEDS ?? 300); const missing = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) { const r = program.run(new SeededStrategy(seed), (b: any) => b()); if (!outcomes.has(r.outcome)) missing.set(r.outcome, seed); }
  for (const [o, n] of missing) console.log('   MISSING seed', n, o);
  const dt = (performance.now() - t) / 1000;
  console.log(f.split('/').pop(), { runs, cut, inf: e.infeasible, perSec: Math.round(runs / dt), stepsPerRun: Math.round(steps / runs), max, tasks: e.recorder.names.join(','), outcomes: outcomes.size, dt: dt.toFixed(1) }, viol ? viol.oracle + ': ' + viol.message : '');
  if (process.env.SHOW) for (const [o, n] of outcomes) console.log('    ', n, o);
}
