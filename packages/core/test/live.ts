/** A real clock, and a peer on a real loopback socket. */
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import type { LiveClock } from '../src/sched/live.ts';

export const realClock: LiveClock = {
  now: () => performance.now() * 1e6,
  alarm(nanoseconds, ring) {
    const timer = setTimeout(ring, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** Sends back what it gets. */
export async function echoServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

/** One connection, for one request at a time. */
export interface Peer {
  request(message: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

export async function connectTo(port: number): Promise<Peer> {
  const socket: Socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    request: (message) =>
      new Promise((resolve, reject) => {
        socket.once('data', (answer) => resolve(Uint8Array.from(answer as Buffer)));
        socket.once('close', () => reject(new Error('the link is down')));
        socket.write(message);
      }),
    close: () => socket.destroy(),
  };
}
