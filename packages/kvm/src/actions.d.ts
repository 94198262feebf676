import type { DeviceAction } from '@mmu-notifier/plugin-api';
import type { KvmShared } from './vm.ts';
/** Without a process the action means the device's only VM. */
export declare function kvmActions(shared: KvmShared): Readonly<Record<string, DeviceAction>>;
