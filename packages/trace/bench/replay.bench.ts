/**
 * Replay rows of the benchmark. A recording of two million accesses is over before the host has compiled what replays it,
 * so there are two figures: the first replay of a process, and the rate at which it goes on, each replay on a fresh machine.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Source, replayRate } from './replay-rate.ts';

/** Replays until the rate no longer rises. */
const WARM_UP = 12;

const program = join(import.meta.dirname, 'first-replay.ts');

function firstRate(devices: 'cpu only' | 'kvm'): number {
  return Number(execFileSync(process.execPath, [...process.execArgv, program, devices === 'kvm' ? 'kvm' : 'cpu']));
}

const warm = new Set<string>();

async function steadyRate(source: Source, devices: 'cpu only' | 'kvm'): Promise<number> {
  const name = `${source} ${devices}`;
  if (!warm.has(name)) for (let i = 0; i < WARM_UP; i++) await replayRate(source, devices);
  warm.add(name);
  return replayRate(source, devices);
}

const row = (name: string, measure: () => Promise<number> | number, millions: number) => ({
  name,
  unit: 'accesses/s' as const,
  aim: { kind: 'rate' as const, atLeast: millions * 1e6 },
  measure,
});

/** Rows of the one benchmark, beside those of `packages/core/bench`. */
export const rows: readonly ReturnType<typeof row>[] = [
  row('replay, typed arrays, CPU only', () => steadyRate('typed arrays', 'cpu only'), 50),
  row('first replay, typed arrays, CPU only', () => firstRate('cpu only'), 50),
  row('replay, typed arrays, kvm makes a quarter', () => steadyRate('typed arrays', 'kvm'), 20),
  row('first replay, typed arrays, kvm makes a quarter', () => firstRate('kvm'), 20),
  row('replay, compressed text, CPU only', () => replayRate('text', 'cpu only'), 5),
  row('replay, gzip text, CPU only', () => replayRate('gzip text', 'cpu only'), 5),
];
