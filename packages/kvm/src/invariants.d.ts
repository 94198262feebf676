/** The rules that this driver's bookkeeping keeps at every step, also between a zap and its flush. */
import type { DeviceViolation } from '@mmu-notifier/plugin-api';
import type { KvmShared } from './vm.ts';
/** What is broken now; nothing on a sound device. */
export declare function brokenInvariants(shared: KvmShared): Iterable<DeviceViolation>;
