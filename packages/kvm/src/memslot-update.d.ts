import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { KvmMemoryRegion } from './memory-region.ts';
import type { Vm } from './vm.ts';
/**
 * `KVM_SET_USER_MEMORY_REGION`.
 *
 * @locks Takes slotsLock, and mnInvalidateLock and mmuLock inside it. Hold nothing that a callback or a fault takes.
 * @sleeps May. Errors: `EINVAL`, `EEXIST`, `EIO` (the VM is going).
 */
export declare function setMemoryRegion(vm: Vm, region: KvmMemoryRegion): Routine<Errno | undefined>;
