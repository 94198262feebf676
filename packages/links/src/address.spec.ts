import { formatAddress, parseAddress } from './address.ts';

describe('an address', () => {
  it.each([
    ['unix:./a.sock', { kind: 'unix', path: './a.sock' }],
    ['unix:/tmp/a:b.sock', { kind: 'unix', path: '/tmp/a:b.sock' }],
    ['tcp:127.0.0.1:7000', { kind: 'tcp', host: '127.0.0.1', port: 7000 }],
    ['tcp:localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['tcp:[::1]:65535', { kind: 'tcp', host: '::1', port: 65535 }],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(parseAddress(text))).toBe(text);
  });

  it.each([
    ['', 'an address is unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT, found ""'],
    ['./a.sock', 'an address is unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT, found "./a.sock"'],
    ['tcp:127.0.0.1', 'an address is unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT, found "tcp:127.0.0.1"'],
    ['tcp:::1:7000', 'an address is unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT, found "tcp:::1:7000"'],
    ['tcp:[::g]:7000', 'an IPv6 address is expected in brackets, found "tcp:[::g]:7000"'],
    ['tcp:localhost:65536', 'a port is a number up to 65535, found "tcp:localhost:65536"'],
    ['unix:', 'a path is expected after unix:, found "unix:"'],
    [
      `unix:${'x'.repeat(108)}`,
      `the path of a Unix socket has at most 107 bytes, found 108 in "unix:${'x'.repeat(108)}"`,
    ],
  ])('is none: %s', (text, message) => {
    expect(() => parseAddress(text)).toThrow(new RangeError(message));
  });
});
