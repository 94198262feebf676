/**
 * Every shadow page goes at once, and the work is done afterwards: the generation changes, so that none of them is found
 * again, and each vCPU loses its root. The pages are torn down in small batches, between which faults and notifiers run;
 * a notifier still finds their sptes through the rmap.
 * Mirrors `kvm_mmu_zap_all_fast`, `arch/x86/kvm/mmu/mmu.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from '../vm.ts';
import { putRoot } from './fetch.ts';
import type { ShadowMmu } from './shadow-mmu.ts';

/** `BATCH_ZAP_PAGES`. */
const BATCH = 10;

/** @locks slotsLock held, so that there are two generations at most. Takes mmuLock. @sleeps Never. */
export function* zapAllFast(vm: Vm, mmu: ShadowMmu): Routine<void> {
  yield* vm.mmuLock.acquire();
  mmu.generation ^= 1;
  for (const vcpu of vm.shadowVcpus) putRoot(vcpu);
  for (let zapped = 0; ; zapped++) {
    const [oldest] = mmu.active;
    if (oldest === undefined || oldest.generation === mmu.generation) break;
    if (zapped > 0 && zapped % BATCH === 0) {
      vm.mmuLock.release();
      yield* vm.host.sync.preempt('kvm: zap the next batch');
      yield* vm.mmuLock.acquire();
    }
    mmu.zapPage(oldest);
  }
  // Also fences whoever walks without the lock.
  yield* vm.flush();
  vm.mmuLock.release();
}
