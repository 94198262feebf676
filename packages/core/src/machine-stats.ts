/** All counters of a machine as one report. */
import type { Kernel } from './kernel.ts';
import type { SimulatedNetwork } from './links/simulated-network.ts';
import type { Shadow } from './oracle/shadow/shadow.ts';
import type { TranslationOracle } from './oracle/translation-oracle.ts';
import type { AttachedDevice, Devices } from './plugin/devices.ts';

type Group = Record<string, number>;

export function machineStats(
  kernel: Kernel,
  devices: Devices,
  shadow: Shadow | undefined,
  translations: TranslationOracle | undefined,
  network: SimulatedNetwork | undefined,
): Record<string, Group> {
  const { allocator, stats, swap, tlbs, pins } = kernel;
  const report: Record<string, Group> = {
    memory: {
      frames: allocator.memory.frames,
      free: allocator.freeFrames,
      allocations: allocator.allocations,
      frees: allocator.frees,
      directReclaims: allocator.directReclaims,
      kswapdWakes: kernel.kswapd.wakes,
    },
    faults: { ...stats.faults },
    vmaLock: { ...stats.vmaLock },
    swap: {
      slots: swap.slots,
      used: swap.used,
      cached: swap.cachedPages,
      pagesOut: swap.pagesOut,
      pagesIn: swap.pagesIn,
    },
    reclaim: { ...stats.reclaim },
    oom: { ...stats.oom },
    notifier: { ...stats.notifier },
    notifierEvents: { ...stats.notifierEvents },
    gup: { ...stats.gup },
    mm: { ...stats.mm },
    tlb: {
      hits: tlbs.hits,
      misses: tlbs.misses,
      shootdowns: tlbs.shootdowns,
      ipis: tlbs.ipis,
      fullFlushes: tlbs.fullFlushes,
      recycled: tlbs.recycled,
    },
    pins: { taken: pins.taken, released: pins.released, held: pins.total, peak: pins.peak },
    oracles: {
      verifiedLoads: shadow?.verifiedLoads ?? 0,
      trackedStores: shadow?.trackedStores ?? 0,
      deviceAccesses: translations?.deviceAccesses ?? 0,
      pteTransitions: translations?.pteTransitions ?? 0,
    },
  };
  const { cgroup } = allocator;
  if (cgroup !== undefined)
    report['cgroup'] = { max: cgroup.limit, charged: cgroup.charged, elsewhere: cgroup.elsewhere };
  if (network !== undefined && network.counts.sessions > 0) report['links'] = { ...network.counts };
  for (const attached of devices.byName.values()) report[attached.name] = deviceGroup(attached);
  return report;
}

function deviceGroup({ ledger, stats }: AttachedDevice): Group {
  const { established, cleared, invalidated, refaulted, live, staleAccesses } = ledger.counts;
  return {
    ...stats.report(),
    ledger_established: established,
    ledger_cleared: cleared,
    ledger_invalidated: invalidated,
    ledger_refaulted: refaulted,
    ledger_live: live,
    ledger_stale_accesses: staleAccesses,
  };
}
