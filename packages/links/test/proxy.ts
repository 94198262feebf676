/** Somebody in the middle: passes bytes on, can change them, and can cut the wire. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { parseAddress } from '../src/index.ts';
import { formatAddress } from '../src/address.ts';

export type Direction = 'to-acceptor' | 'to-connector';

export interface Proxy {
  readonly endpoint: string;
  /** Breaks all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** @param tamper - What is passed on in place of a chunk. */
export async function proxyTo(
  target: string,
  at: string,
  tamper: (chunk: Buffer, direction: Direction) => Buffer = (chunk) => chunk,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket, direction: Direction): void => {
    sockets.add(from);
    from.on('data', (chunk: Buffer) => void (to.writable && to.write(tamper(chunk, direction))));
    from.on('end', () => to.end());
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroySoon();
    });
  };
  const server = createServer((caller) => {
    const address = parseAddress(target);
    const callee = connect(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    );
    pass(caller, callee, 'to-acceptor');
    pass(callee, caller, 'to-connector');
  });
  const own = parseAddress(at);
  await new Promise<void>((resolve) => {
    server.listen(own.kind === 'unix' ? { path: own.path } : { host: own.host, port: own.port }, resolve);
  });
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    endpoint: own.kind === 'unix' ? at : formatAddress({ ...own, port: (server.address() as AddressInfo).port }),
    cut,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
