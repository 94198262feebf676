import type { DeviceAccess, DeviceAccessResult, Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';
/**
 * Addresses are guest-physical (`gpa`) or the process's own (`process`), which the guest sees through the memslot with
 * the lowest id that shows them.
 *
 * @locks Entered with none held. @sleeps On a miss.
 */
export declare function accessGuest(vm: Vm, request: DeviceAccess): Routine<DeviceAccessResult>;
