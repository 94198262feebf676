/**
 * The switches that the history of the subsystem turned on one by one, under the names that the kernel's configuration
 * gives them. `select` and `depends on` are checked at boot.
 *
 *     MMU_NOTIFIER            the chain. Without a prompt in Linux: drivers select it
 *     MMU_NOTIFIER_SLEEPABLE  callbacks may sleep (2012). Off: the world of 2.6.27, where they run under RCU, with
 *                             i_mmap and anon_vma as spinlocks
 *     SWAP                    anonymous pages can leave memory
 *     ANON_VMA_ON_READ        a VMA that was only read has an anon_vma. No switch of Linux: kernels of 6.18 have been seen to do
 *                             both, and the mappings that merge tell which
 *     TRANSPARENT_HUGEPAGE    VMAs are split as where there may be huge pages: notifiers hear of it. There are none yet
 */
import { UsageError } from './contract.ts';

/** Name of a switch. @public */
export type KconfigName =
  'MMU_NOTIFIER' | 'MMU_NOTIFIER_SLEEPABLE' | 'SWAP' | 'ANON_VMA_ON_READ' | 'TRANSPARENT_HUGEPAGE';

/** Every switch, decided. @public */
export type Kconfig = Readonly<Record<KconfigName, boolean>>;

const NAMES: readonly KconfigName[] = [
  'MMU_NOTIFIER',
  'MMU_NOTIFIER_SLEEPABLE',
  'SWAP',
  'ANON_VMA_ON_READ',
  'TRANSPARENT_HUGEPAGE',
];
/** What nobody has unless it is asked for. */
const OFF: ReadonlySet<KconfigName> = new Set(['TRANSPARENT_HUGEPAGE']);
const DEPENDS_ON: Partial<Record<KconfigName, KconfigName>> = { MMU_NOTIFIER_SLEEPABLE: 'MMU_NOTIFIER' };

/**
 * Decides what was left open: everything is on, but for huge pages and for what depends on something that is off.
 *
 * @throws UsageError for a name that there is not, and for a switch that is on and depends on one that is off.
 */
export function resolveKconfig(chosen: Partial<Kconfig> = {}): Kconfig {
  const unknown = Object.keys(chosen).find((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new UsageError('kconfig', `found the switch ${unknown}, expected ${NAMES.join(', ')}`);
  }
  const decided: Record<string, boolean> = {};
  for (const name of NAMES) {
    const needs = DEPENDS_ON[name];
    const possible = needs === undefined || decided[needs];
    if (chosen[name] === true && !possible) {
      throw new UsageError('kconfig', `found ${name}=y, which depends on ${needs}, and ${needs}=n`);
    }
    decided[name] = (chosen[name] ?? !OFF.has(name)) && possible;
  }
  return decided as Kconfig;
}
