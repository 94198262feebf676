/** Connects, and tries again with growing pauses while the caller has patience. */
import { type NetConnectOpts, connect } from 'node:net';
import type { Errno } from '@mmu-notifier/plugin-api';
import { type LinkAddress, formatAddress } from './address.ts';
import type { Context } from './context.ts';
import { errnoOf, errnoOfFault, isPassing } from './errors.ts';
import { greet } from './greeting.ts';
import { ConnectorHandshake } from './handshake.ts';
import type { LinkTimers } from './options.ts';
import type { SocketLink } from './socket-link.ts';

export async function dial(context: Context, address: LinkAddress, patience: number): Promise<SocketLink | Errno> {
  const { timers, backOff, backOffMost } = context.settings;
  const impatient = new AbortController();
  const give = (): void => impatient.abort();
  context.underWay.add(give);
  const off = patience > 0 ? timers.after(patience, give) : undefined;
  try {
    for (let pause = backOff; ; pause = Math.min(2 * pause, backOffMost)) {
      const made = await attempt(context, address, impatient.signal);
      if (typeof made !== 'string' || !isPassing(made) || patience === 0) return made;
      if (!impatient.signal.aborted) await nap(timers, pause, impatient.signal);
      if (impatient.signal.aborted) return made;
      context.counters.retries++;
    }
  } finally {
    off?.();
    context.underWay.delete(give);
  }
}

function attempt(context: Context, address: LinkAddress, signal: AbortSignal): Promise<SocketLink | Errno> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve('ETIMEDOUT');
    const socket = connect(options(address));
    context.own(socket);
    const handshake = new ConnectorHandshake(context.identity);
    const settle = (made: SocketLink | Errno): void => {
      signal.removeEventListener('abort', give);
      off();
      resolve(made);
    };
    let callOff = (): void => void socket.destroy();
    const give = (): void => {
      callOff();
      settle('ETIMEDOUT');
    };
    signal.addEventListener('abort', give);
    // From here to the answer of the system; the handshake has its own time.
    const off = context.settings.timers.after(context.settings.handshakeTimeout, give);
    socket.once('error', (error) => settle(connectErrno(error)));
    socket.once('connect', () => {
      off();
      socket.write(handshake.hello);
      callOff = greet(context, socket, handshake, formatAddress(address), (result) => {
        if (typeof result === 'string') return settle(errnoOfFault(result));
        context.counters.connected++;
        settle(result);
      });
    });
  });
}

/** A socket file that is not there yet is a server that is not there yet. */
function connectErrno(error: Error): Errno {
  const errno = errnoOf(error);
  return errno === 'ENOENT' ? 'ECONNREFUSED' : errno;
}

function options(address: LinkAddress): NetConnectOpts {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}

function nap(timers: LinkTimers, nanoseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      off();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const off = timers.after(nanoseconds, wake);
    signal.addEventListener('abort', wake);
  });
}
