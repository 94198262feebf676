/**
 * The other node of the benchmark, a process of its own: uses the segment of the home node as it is told on standard input, and
 * has a bare socket of the same kind beside it. Each line is a command, and gets a line back.
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Machine, MemorySwapDevice, type Process } from '@mmu-notifier/core';
import { socketLinks } from '@mmu-notifier/links';
import type { PluginHost, Routine } from '@mmu-notifier/plugin-api';
import { type RemoteAccess, type XpmemNode, xpmem } from '@mmu-notifier/xpmem';
import { KEY, PAGE, liveClock, withHost } from './shared.ts';

const [endpoint = '', bare = ''] = process.argv.slice(2);
const transport = socketLinks({ node: 'away', key: KEY });
const machine = new Machine({
  ramBytes: 64 * PAGE,
  swapBytes: 0,
  swapDevice: new MemorySwapDevice(),
  oracles: 'off',
  live: liveClock,
  transport,
});
const p1 = machine.processes.get('p1') as Process;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Pings come back; of a copy only its end is answered. */
const echo = createServer((socket) => {
  socket.setNoDelay(true);
  let left = 0;
  socket.on('data', (chunk: Buffer) => {
    if (left === 0 && chunk.length === 64) return void socket.write(chunk);
    if (left === 0) left = chunk.readUInt32BE(0) + 4;
    left -= chunk.length;
    if (left === 0) socket.write(Buffer.alloc(64));
  });
});
const at = bare.startsWith('unix:') ? { path: bare.slice(5) } : { host: '127.0.0.1', port: Number(bare.slice(4)) };
await new Promise<void>((resolve) => echo.listen(at, resolve));

function say(text: string | number): void {
  process.stdout.write(`${text}\n`);
}

function* serve(host: PluginHost, device: XpmemNode): Routine<void> {
  const apid = Number(yield* device.actions?.['get']?.(p1.handle, ['0x100000001', 'rw', endpoint]) ?? []);
  say('ready');
  for (;;) {
    const next = yield* host.tasks.waitFor(lines.next(), 'a command');
    const [verb, count = '0'] = next.status === 'fulfilled' ? String(next.value.value ?? 'end').split(' ') : ['end'];
    if (verb === 'end') return;
    const [length, kind] = verb === 'touch' ? ([1, 'load'] as const) : ([PAGE, 'store'] as const);
    const accesses = Array.from({ length: Number(count) }, (_, page): RemoteAccess => ({
      address: page * PAGE,
      kind,
      data: new Uint8Array(length),
    }));
    const started = performance.now();
    const { error } = yield* device.accessList(p1.handle, apid, accesses);
    say(error ?? (performance.now() - started) * 1e6);
  }
}

machine.spawn(
  'peer',
  (function* (): Routine<void> {
    const { plugin, host } = withHost(xpmem({ leaseNs: 1e10 }));
    const device = (yield* machine.attach('xpmem', plugin)) as XpmemNode;
    yield* device.open(p1.handle);
    yield* serve(host(), device);
  })(),
  p1,
);
await machine.runLive();
await transport.close();
process.exit();
