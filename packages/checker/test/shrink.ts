import { Dpor } from '../src/dpor.ts';
import { Exhaustive } from '../src/exhaustive.ts';
import { programOf, randomStatements } from './random-program.ts';
import { describePoint } from '@mmu-notifier/core';
type S = any;
function find(engine: any, most: number): Map<string, string> | undefined {
  const traces = new Map<string, string>(); let runs = 0;
  for (let run = engine.next(); run !== undefined; run = engine.next()) {
    if (++runs > most) return undefined;
    if (run.end === undefined) continue;
    traces.set(engine.execution.canonical(), [...engine.execution.task.subarray(0, engine.execution.length)].map((t: number, i: number) => engine.recorder.names[t] + '[' + engine.footprints.operations(engine.execution.footprint[i]).map(describePoint).join(',') + ']').join(' ') + ' => ' + run.end.outcome);
  }
  return traces;
}
function wasted(st: S[][]): string[] | undefined {
  const all = find(new Exhaustive(programOf(st), 500), 800); if (!all) return undefined;
  const e = new Dpor(programOf(st), 500); const seen = new Set<string>(); const out: string[] = [];
  for (let r = e.next(); r; r = e.next()) {
    const line = [...e.execution.task.subarray(0, e.execution.length)].map((t: number, i: number) => e.recorder.names[t] + '[' + e.footprints.operations(e.execution.footprint[i]).map(describePoint).join(',') + ']').join(' ') + (r.end ? ' => ' + r.end.outcome : ' => CUT');
    if (!r.end || seen.has(e.execution.canonical())) out.push('WASTED ' + line); else out.push('run ' + line);
    if (r.end) seen.add(e.execution.canonical());
  }
  return out.some((l) => l.startsWith('WASTED')) ? out : [];
}
function lost(st: S[][]): string[] | undefined {
  try {
    const all = find(new Exhaustive(programOf(st), 500), 3000); if (!all) return undefined;
    const d = find(new Dpor(programOf(st), 500), 20000)!;
    return [...all].filter(([k]) => !d.has(k)).map(([, v]) => v);
  } catch (e: any) { return ['threw ' + e.message]; }
}
function* smaller(st: S[][]): Generator<S[][]> {
  for (let t = 0; t < st.length; t++) yield st.filter((_, i) => i !== t);
  const list = function* (b: S[]): Generator<S[]> {
    for (let i = 0; i < b.length; i++) {
      yield b.filter((_, j) => j !== i);
      if (b[i].body) { yield [...b.slice(0, i), ...b[i].body, ...b.slice(i + 1)]; for (const nb of list(b[i].body)) yield [...b.slice(0, i), { ...b[i], body: nb }, ...b.slice(i + 1)]; }
    }
  };
  for (let t = 0; t < st.length; t++) for (const nb of list(st[t])) yield st.map((b, i) => (i === t ? nb : b));
}
if (process.argv[2] === 'wasted') {
  const [from, to] = process.argv.slice(3).map(Number);
  for (let seed = from; seed < to; seed++) {
    let st: S[][] = randomStatements(seed, { tasks: 2 + (seed % 2), steps: 3 });
    if (!(wasted(st)?.length)) continue;
    again: for (;;) { for (const c of smaller(st)) { const l = wasted(c); if (l && l.length) { st = c; continue again; } } break; }
    console.log('seed', seed, JSON.stringify(st)); for (const l of wasted(st)!) console.log('   ', l);
  }
  process.exit(0);
}
for (const seed of process.argv.slice(2).map(Number)) {
  let st: S[][] = randomStatements(seed, { tasks: 2 + (seed % 2), steps: Number(process.env.STEPS ?? 3) });
  if (!(lost(st)?.length)) { console.log(seed, 'ok'); continue; }
  again: for (;;) { for (const c of smaller(st)) { const l = lost(c); if (l && l.length) { st = c; continue again; } } break; }
  console.log('seed', seed, JSON.stringify(st));
  for (const l of lost(st)!.slice(0, 2)) console.log('   LOST', l);
  for (const [, v] of find(new Dpor(programOf(st), 500), 20000)!) console.log('   has ', v);
}
