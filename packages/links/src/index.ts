/**
 * Message links between nodes over TCP and Unix sockets.
 * @packageDocumentation
 */
export { parseAddress } from './address.ts';
export type { LinkAddress } from './address.ts';
export type { LinkStats } from './counters.ts';
export type { LinkTimers, SocketLinkOptions } from './options.ts';
export { socketLinks } from './transport.ts';
export type { SocketLinks } from './transport.ts';
export { blockingLinks } from './blocking/blocking-links.ts';
export type { BlockingClock, BlockingLinks } from './blocking/blocking-links.ts';
