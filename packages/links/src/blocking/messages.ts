/**
 * What the two threads of blocking links say to each other. Memory is bounded in both directions by credit: whoever sends
 * bytes of a link waits until the other thread has passed them on.
 */
import type { Errno, LinkEnd } from '@mmu-notifier/plugin-api';
import type { LinkStats } from '../counters.ts';

/** Bytes of one link that are under way between the threads, at most, in each direction. */
export const CREDIT: number = 2 ** 20;
/** What a message costs beside its bytes. */
export const MESSAGE_COST: number = 128;

/** To the thread that has the sockets. Requests have a number, links and listeners an id. */
export type ToSockets =
  | { readonly op: 'listen'; readonly request: number; readonly endpoint: string }
  | { readonly op: 'connect'; readonly request: number; readonly endpoint: string; readonly patience: number }
  | { readonly op: 'send'; readonly link: number; readonly message: Uint8Array }
  | { readonly op: 'taken'; readonly link: number; readonly cost: number }
  | { readonly op: 'close-link'; readonly link: number }
  | { readonly op: 'close-listener'; readonly listener: number }
  | { readonly op: 'stats'; readonly request: number }
  | { readonly op: 'close' };

export interface LinkNews {
  readonly link: number;
  readonly peer: string;
  readonly session: number;
}

/** From it. */
export type FromSockets =
  | { readonly op: 'listening'; readonly request: number; readonly listener: number; readonly endpoint: string }
  | ({ readonly op: 'connected'; readonly request: number } & LinkNews)
  | ({ readonly op: 'accepted'; readonly listener: number } & LinkNews)
  | { readonly op: 'listener-closed'; readonly listener: number }
  | { readonly op: 'failed'; readonly request: number; readonly errno: Errno }
  | { readonly op: 'threw'; readonly request: number; readonly message: string }
  | { readonly op: 'message'; readonly link: number; readonly message: Uint8Array }
  | { readonly op: 'sent'; readonly link: number; readonly cost: number }
  | { readonly op: 'ended'; readonly link: number; readonly end: LinkEnd }
  | { readonly op: 'stats'; readonly request: number; readonly stats: LinkStats }
  | { readonly op: 'started' }
  | { readonly op: 'log'; readonly line: string }
  | { readonly op: 'closed' };

/** Bytes with no others behind them: a view is posted with all that it is a view of. */
export function alone(message: Uint8Array): Uint8Array {
  return message.byteLength === message.buffer.byteLength ? message : message.slice();
}
