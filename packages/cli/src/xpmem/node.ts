/** One end of `xpmem serve` and `xpmem attach`: a live machine with one process, XPMEM and sockets. */
import { type DeviceEventListener, Machine, MemorySwapDevice, type Process } from '@mmu-notifier/core';
import { socketLinks } from '@mmu-notifier/links';
import { type PluginHost, type Routine, isErrno } from '@mmu-notifier/plugin-api';
import { type XpmemNode, type XpmemOptions, xpmem } from '@mmu-notifier/xpmem';
import { InputError } from '../errors.ts';
import { liveClock } from '../remote/live-clock.ts';
import { withHost } from '../remote/with-host.ts';

export interface NodeOptions {
  readonly name: string;
  readonly key: Buffer;
  readonly ramBytes: number;
  readonly xpmem: XpmemOptions;
  readonly log: (line: string) => void;
}

/** What the body of a node works with. */
export interface Node {
  readonly machine: Machine;
  readonly process: Process;
  readonly device: XpmemNode;
  readonly host: PluginHost;
  /** A verb of XPMEM. */
  verb(name: string, ...args: string[]): Routine<string | undefined>;
}

/** Boots a node, runs `body` on it, and takes it down again. @throws InputError where it cannot be had. */
export async function runNode(options: NodeOptions, body: (node: Node) => Routine<void>): Promise<void> {
  const transport = socketLinks({ node: options.name, key: options.key, log: options.log });
  const machine = new Machine({
    ramBytes: options.ramBytes,
    swapBytes: 4 * options.ramBytes,
    swapDevice: new MemorySwapDevice(),
    oracles: 'on',
    live: liveClock,
    transport,
    onDeviceEvent: complaints(options.log),
  });
  const process = machine.processes.get('p1') as Process;
  machine.spawn('node', boot(machine, process, options, body), process);
  try {
    await machine.runLive();
    const [violation] = machine.shutdown();
    if (violation !== undefined) throw new Error(`${violation.oracle}: ${violation.message}`);
  } finally {
    await transport.close();
    machine.close();
  }
}

const WRONG: Readonly<Record<string, string>> = {
  xpmem_bad_message: 'sent what is no message',
  xpmem_lease_expired: 'did not answer while its lease ran',
};

/** Tells of what peers do wrong: of many of a kind the first few, then every power of two. */
function complaints(log: (line: string) => void): DeviceEventListener {
  const seen = new Map<string, number>();
  return (_device, name, fields) => {
    const what = WRONG[name];
    if (what === undefined) return;
    const kind = `${String(fields['peer'])} ${what}`;
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    if (count <= 8 || Number.isInteger(Math.log2(count))) log(`xpmem: ${kind} (${count} so far)`);
  };
}

function* boot(
  machine: Machine,
  process: Process,
  options: NodeOptions,
  body: (node: Node) => Routine<void>,
): Routine<void> {
  const { plugin, host } = withHost(xpmem(options.xpmem));
  const device = (yield* attach(machine, plugin, options.xpmem.listen)) as XpmemNode;
  yield* device.open(process.handle);
  const verb = function* (name: string, ...args: string[]): Routine<string | undefined> {
    return yield* device.actions?.[name]?.(process.handle, args) ?? none();
  };
  yield* body({ machine, process, device, host: host(), verb });
  yield* machine.detach('xpmem');
}

function* attach(
  machine: Machine,
  plugin: Parameters<Machine['attach']>[1],
  listen: string | undefined,
): ReturnType<Machine['attach']> {
  try {
    return yield* machine.attach('xpmem', plugin);
  } catch (error) {
    const errno = /answers (E[A-Z]+)$/.exec((error as Error).message)?.[1];
    if (errno === undefined) throw error;
    const why = errno === 'EADDRINUSE' ? ', somebody is there already' : '';
    throw new InputError(`--listen: ${listen ?? ''} answers ${errno}${why}`);
  }
}

function* none(): Routine<undefined> {
  return undefined;
}

/** The answer of a verb that must have one. @throws InputError with the errno. */
export function answered(what: string, answer: string | undefined): string {
  if (answer !== undefined && !isErrno(answer)) return answer;
  throw new InputError(`${what} answers ${String(answer)}`);
}
