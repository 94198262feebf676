/** A machine that does not give way: talks to `echo-process.ts` by `run`, and prints what it found as one line of JSON. */
import type { Link } from '@mmu-notifier/plugin-api';
import { Machine, MemorySwapDevice } from '@mmu-notifier/core';
import { blockingLinks } from '../src/index.ts';
import { KEY, got, nodeOn } from './world.ts';

const [endpoint = '', wrongKey] = process.argv.slice(2);
const links = blockingLinks({ node: 'here', key: wrongKey ?? KEY });
const machine = new Machine({
  ramBytes: 64 * 4096,
  swapBytes: 0,
  swapDevice: new MemorySwapDevice(),
  oracles: 'on',
  transport: links,
  live: links.clock,
});
const side = nodeOn(machine, 'dev');
const connected = machine.run('test', side.links.connect(endpoint, 20e9));
if (typeof connected === 'string') {
  process.stdout.write(`${JSON.stringify({ connected })}\n`);
} else {
  const link = got(connected) as Link;
  const echoed = [0, 2, 70_000, 2 ** 20].map((size) => {
    const message = new Uint8Array(size).fill(size & 255);
    machine.run('test', send(link, message));
    const answer = machine.run('test', link.receive());
    return typeof answer !== 'string' && Buffer.compare(answer, message) === 0;
  });
  // Until no buffer on the way takes more: the other side sends back what nobody receives.
  let sent = 0;
  while (sent < 200 && link.send(new Uint8Array(2 ** 19).fill(sent)) !== 'EAGAIN') sent++;
  let inOrder = 0;
  for (let next = 0; next < sent; next++) {
    const answer = machine.run('test', link.receive());
    if (typeof answer !== 'string' && answer[0] === next) inOrder++;
  }
  const timeout = machine.run('test', link.receive(1e7));
  link.send(Uint8Array.of(254));
  const closed = machine.run('test', link.receive());
  const { messagesSent } = links.stats();
  process.stdout.write(
    `${JSON.stringify({ echoed, refused: sent < 200, inOrder: inOrder === sent, timeout, closed, end: link.end, messagesSent })}\n`,
  );
}
void links.close().then(() => machine.close());

function* send(link: Link, message: Uint8Array): Generator<number, void, void> {
  while (link.send(message) === 'EAGAIN') yield* link.room() as Generator<number, unknown, void>;
}
