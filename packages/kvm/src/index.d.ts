/**
 * KVM as a driver of `@mmu-notifier/plugin-api`.
 * @packageDocumentation
 */
export { kvm } from './plugin.ts';
export type { KvmOptions, KvmVmOptions } from './options.ts';
export type { KvmMemoryRegion } from './memory-region.ts';
