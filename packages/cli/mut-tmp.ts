import { readFileSync } from 'node:fs';
import { Dpor } from '@mmu-notifier/checker';
import { parseScript } from '@mmu-notifier/trace';
import { litmus } from './src/check/litmus.ts';
import { loadPlugin } from './src/plugins.ts';
import * as kt from '@mmu-notifier/kvm/testing';
import * as ct from '@mmu-notifier/core/testing';
const guards: string[] = process.env.GUARDS!.split(',');
const files = process.argv.slice(2);
const programs: any[] = [];
for (const f of files) { const script = parseScript(readFileSync(f, 'utf8'), f); const plugins = new Map(); for (const e of script.events as any[]) if (e.verb === 'attach') plugins.set(e.plugin, await loadPlugin(e.plugin)); programs.push(litmus(script, { ramBytes: 4 << 20, swapBytes: 4 << 20, kconfig: {} } as any, plugins)); }
for (const g of guards) {
  const restore = process.env.PKG === 'core' ? (ct as any).withoutGuard(g) : (kt as any).withoutGuard(g);
  const hits: string[] = [];
  for (const p of programs) { const e: any = new Dpor(p, 3000, 0); let n = 0; const t = performance.now(); try { for (let r = e.next(); r; r = e.next()) { n++; if (r.end?.violation) { hits.push(p.name.split('/').pop() + '@' + n + ':' + r.end.violation.oracle); break; } if (performance.now() - t > 5000) { hits.push(p.name.split('/').pop() + ' TIME'); break; } } } catch (x: any) { hits.push(p.name.split('/').pop() + ' THREW ' + x.message); } }
  restore();
  console.log(g, hits.join('  ') || '-- NOT CAUGHT');
}
