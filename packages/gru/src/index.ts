/**
 * SGI's GRU as a driver of `@mmu-notifier/plugin-api`.
 * @packageDocumentation
 */
export { gru } from './plugin.ts';
export type { GruContextOptions, GruOptions } from './options.ts';
