import { readFileSync } from 'node:fs';
import { Dpor } from '@mmu-notifier/checker';
import { parseScript } from '@mmu-notifier/trace';
import { litmus } from '/tmp/wt/me/packages/cli/src/check/litmus.ts';
import { loadPlugin } from '/tmp/wt/me/packages/cli/src/plugins.ts';
import { describePoint, mayConflict } from '@mmu-notifier/core';
const f = process.argv[2]!;
const script = parseScript(readFileSync(f, 'utf8'), f);
const plugins = new Map(); for (const e of script.events as any[]) if (e.verb === 'attach') plugins.set(e.plugin, await loadPlugin(e.plugin));
const program = litmus(script, { ramBytes: 4 << 20, swapBytes: 4 << 20, kconfig: {} } as any, plugins);
const e: any = new Dpor(program, 20000, 0);
const tally = new Map<string, number>();
const orig = e.reverse.bind(e);
const d = (p: number) => { const [k, o] = describePoint(p).split(' '); return k + (['CpuAccess','DeviceAccess','FrameFree','FrameAllocate'].includes(k!) ? '' : ' ' + o + '(' + (e.recorder.objects[+o!] ?? '') + ')'); };
e.reverse = (a: number, b: number) => { const A = e.footprints.operations(e.execution.footprint[a]), B = e.footprints.operations(e.execution.footprint[b]); const ks = new Set<string>(); for (const x of A) for (const y of B) if (mayConflict(x, y)) ks.add([d(x), d(y)].sort().join(' × ')); const k = [...ks].sort().join(' ; '); tally.set(k, (tally.get(k) ?? 0) + 1); orig(a, b); };
let n = 0; const N = Number(process.argv[3] ?? 2000);
for (let r = e.next(); r && n < N; r = e.next()) { n++; if (n === N) { for (let i = 0; i < e.execution.length; i++) console.log(e.recorder.names[e.execution.task[i]], e.footprints.operations(e.execution.footprint[i]).map(d).join(', ')); } }
for (const [k, c] of [...tally].sort((x, y) => y[1] - x[1]).slice(0, 25)) console.log(c, k);
