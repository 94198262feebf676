/**
 * SGI's XPMEM as a driver of `@mmu-notifier/plugin-api`.
 * @packageDocumentation
 */
export { xpmem } from './plugin.ts';
export type { XpmemCredentials, XpmemOptions } from './options.ts';
export type { XpmemNode } from './device.ts';
export type { RemoteAccess } from './remote/permits.ts';
