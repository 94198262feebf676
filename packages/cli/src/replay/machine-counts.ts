/**
 * What the machine says it did, in the words of a ground truth: calls by name, and its mappings at each exit against the
 * recorded ones. The counts of a replay come from the stream of events; these come from the other end.
 */
import type { Played } from './play-recording.ts';

/** Part of a truth report, for those counts that a machine has too. */
export interface MachineCounts {
  readonly events: Readonly<Record<string, { readonly ok: number }>>;
  readonly finalLayoutCheck: readonly {
    readonly pages: number;
    readonly missing: number;
    readonly extra: number;
    readonly protDiffers: number;
  }[];
}

const CALLS = ['mmap', 'munmap', 'mprotect', 'mremap', 'fork'] as const;

export function machineCounts({ player, stats }: Pick<Played, 'player' | 'stats'>): MachineCounts {
  const made = stats['mm'] ?? {};
  // What laid out a program image was no call of the program.
  const ok = (call: string): number => (made[call] ?? 0) - (player.imageCalls[call] ?? 0);
  return {
    events: Object.fromEntries(CALLS.map((call) => [call, { ok: ok(call) }])),
    finalLayoutCheck: player.layouts.map(({ process: _process, ...pages }) => pages),
  };
}
