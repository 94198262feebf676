/**
 * Runs tasks under every interleaving that matters.
 * @packageDocumentation
 */
export { Dpor } from './dpor.ts';
export { Exhaustive } from './exhaustive.ts';
export type { Program, RunEnd } from './program.ts';
