/** The other process of `processes.spec.ts`: a live machine whose device sends back what it gets, until it is told to die. */
import type { LinkListener, Routine } from '@mmu-notifier/plugin-api';
import { socketLinks } from '../src/index.ts';
import { KEY, got, machineOf, nodeOn } from './world.ts';

const [endpoint = ''] = process.argv.slice(2);
const transport = socketLinks({ node: 'echo', key: KEY });
const machine = machineOf(transport);
const { links } = nodeOn(machine, 'dev');

function* serve(): Routine<void> {
  const listener = got(yield* links.listen(endpoint)) as LinkListener;
  process.stdout.write(`${listener.endpoint}\n`);
  for (;;) {
    const link = got(yield* listener.accept());
    for (let message = yield* link.receive(); message !== 'closed'; message = yield* link.receive()) {
      const [first, last] = [(message as Uint8Array)[0], (message as Uint8Array).length === 1];
      if (first === 255 && last) process.kill(process.pid, 'SIGKILL');
      if (first === 254 && last) {
        link.close();
        return listener.close();
      }
      while (link.send(message as Uint8Array) === 'EAGAIN') yield* link.room();
    }
  }
}

machine.spawn('serve', serve());
void machine
  .runLive()
  .then(() => transport.close())
  .then(() => machine.close());
