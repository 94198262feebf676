import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';
/** `fixed` and `spurious`: the guest is re-entered and tries again. `mmio`: no memslot serves the access. */
export type FaultResult = 'fixed' | 'spurious' | 'mmio' | Errno;
/**
 * Brings in the page behind `gfn`.
 *
 * @locks Entered with none held.
 * @sleeps For the page, and for windows that cover the gfn.
 */
export declare function faultGfn(vm: Vm, gfn: number, access: 'load' | 'store'): Routine<FaultResult>;
