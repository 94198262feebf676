/**
 * Addresses as a person types them:
 *
 *     unix:./a.sock    tcp:127.0.0.1:7000    tcp:[::1]:7000    tcp:localhost:7000
 *
 * Port 0 lets the system choose one.
 */
import { isIPv6 } from 'node:net';

/** Where to listen, or to connect to. @public */
export type LinkAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** What fits into `sockaddr_un` with its terminating zero. */
const LONGEST_PATH = 107;
const TCP = /^tcp:(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/**
 * Reads an address.
 *
 * @throws RangeError, one line: what was found and what is expected.
 * @public
 */
export function parseAddress(text: string): LinkAddress {
  if (text.startsWith('unix:')) return unixAddress(text);
  const match = TCP.exec(text);
  if (match === null) {
    throw new RangeError(`an address is unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT, found "${text}"`);
  }
  const [, v6, host = v6 ?? '', digits] = match;
  const port = Number(digits);
  if (v6 !== undefined && !isIPv6(v6)) throw new RangeError(`an IPv6 address is expected in brackets, found "${text}"`);
  if (port > 65535) throw new RangeError(`a port is a number up to 65535, found "${text}"`);
  return { kind: 'tcp', host, port };
}

function unixAddress(text: string): LinkAddress {
  const path = text.slice('unix:'.length);
  if (path === '' || path.includes('\0')) throw new RangeError(`a path is expected after unix:, found "${text}"`);
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_PATH) {
    throw new RangeError(`the path of a Unix socket has at most ${LONGEST_PATH} bytes, found ${bytes} in "${text}"`);
  }
  return { kind: 'unix', path };
}

/** The inverse of {@link parseAddress}. */
export function formatAddress(address: LinkAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return isIPv6(host) ? `tcp:[${host}]:${port}` : `tcp:${host}:${port}`;
}
