/**
 * Message links between nodes. A node is a party that has an address space of its own to look after: another device of
 * the same machine (the simulated link), or one in another operating-system process (a transport).
 *
 *     one node                              another node
 *     listener = listen(endpoint)
 *     link = listener.accept()       <----  link = connect(endpoint)
 *     link.receive()                 <----  link.send(message)
 *
 * A link is one session: it begins connected and ends once, for good. A message arrives whole, at most in the session in
 * which it was sent, and perhaps not at all: a simulated link may lose, double, delay and reorder what a real one keeps
 * in order until it breaks. So a driver numbers its requests and does not wait for an answer without a time.
 */
import type { Errno } from '../errno.ts';
import type { Routine } from '../routine.ts';

/**
 * Why a link is over. `closed`: this node closed it. `closed-by-peer`: the other one did, and all that it sent has
 * arrived, or never will. `lost`: nobody knows what the peer has got, nor whether it knows.
 * @public
 */
export type LinkEnd = 'closed' | 'closed-by-peer' | 'lost';

/** One session with one peer. @public */
export interface Link {
  /** The peer's node id. */
  readonly peer: string;
  /** The same at both ends, and greater than in any earlier session of these two nodes. */
  readonly session: number;
  /** Why it is over; `undefined` while it is connected as far as this node knows. */
  readonly end: LinkEnd | undefined;
  /**
   * Copies the message and sends it. `EAGAIN`: the peer has not taken enough of what was sent before, and nothing
   * happened; wait for `room`, or hold back. `ENOTCONN`: the link is over. `EMSGSIZE`: longer than
   * {@link LinkService.maxMessage}. @sleeps Never.
   */
  send(message: Uint8Array): Errno | undefined;
  /** Sleeps until `send` would not answer `EAGAIN`, at most for `nanoseconds`. */
  room(nanoseconds?: number): Routine<'room' | 'closed' | 'timeout'>;
  /**
   * The next message; sleeps until there is one, at most for `nanoseconds`. What arrived before the end is handed out. No
   * signal ends this wait: let a kernel thread receive, and a process's task wait interruptibly for what it hands on.
   */
  receive(nanoseconds?: number): Routine<Uint8Array | 'closed' | 'timeout'>;
  /** Ends it: what was sent goes out, what was not received is dropped, and its waiters go on. @sleeps Never. */
  close(): void;
}

/** Where peers may connect. @public */
export interface LinkListener {
  /** What to connect to: the endpoint as it was given, but for a port that the system chose. */
  readonly endpoint: string;
  /** The next peer; sleeps until one comes, at most for `nanoseconds`. */
  accept(nanoseconds?: number): Routine<Link | 'closed' | 'timeout'>;
  /** Nobody can connect any more, and who was not accepted is turned away; accepted links live on. @sleeps Never. */
  close(): void;
}

/** Message links to other nodes. @public */
export interface LinkService {
  /** This node's id: the device's name on a simulated link, else what the transport says. */
  readonly node: string;
  /** Longest message in bytes. */
  readonly maxMessage: number;
  /**
   * Opens an endpoint. A simulated one is any name; a transport says what its addresses look like, and throws for others.
   * Errors: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`. @sleeps May.
   */
  listen(endpoint: string): Routine<LinkListener | Errno>;
  /**
   * Connects, and tries again for `patience` nanoseconds (none unless given) while nobody answers there. Call it again
   * after a link was lost: that is a new session. Errors: `ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH`, `ETIMEDOUT`; never
   * tried again: `EKEYREJECTED` (the two have different keys), `EPROTONOSUPPORT` (no common version), `EPROTO` (what
   * answers there speaks something else). @sleeps May.
   */
  connect(endpoint: string, patience?: number): Routine<Link | Errno>;
}

/** What carries links out of the machine; it calls `watch`ers from the event loop. Only live machines have one. @public */
export interface LinkTransport {
  readonly node: string;
  readonly maxMessage: number;
  listen(endpoint: string): PromiseLike<TransportListener | Errno>;
  /** `patience` in nanoseconds. */
  connect(endpoint: string, patience: number): PromiseLike<TransportLink | Errno>;
}

/** A {@link LinkListener} of a transport. @public */
export interface TransportListener {
  readonly endpoint: string;
  /** `undefined`: nobody has come. */
  accept(): TransportLink | 'closed' | undefined;
  /** Calls `changed` whenever `accept` may answer otherwise; there is one watcher at a time. */
  watch(changed: () => void): void;
  close(): void;
}

/** A {@link Link} of a transport. @public */
export interface TransportLink {
  readonly peer: string;
  readonly session: number;
  readonly end: LinkEnd | undefined;
  /** Whether `send` would not answer `EAGAIN`. */
  readonly hasRoom: boolean;
  send(message: Uint8Array): Errno | undefined;
  /** `undefined`: nothing has arrived. */
  receive(): Uint8Array | 'closed' | undefined;
  /** Calls `changed` whenever `receive`, `hasRoom` or `end` may answer otherwise; there is one watcher at a time. */
  watch(changed: () => void): void;
  close(): void;
}
