/** XPMEM between two processes: what a recall adds to a call, and how fast stores travel, beside the same socket bare. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Machine, MemorySwapDevice, type Process } from '@mmu-notifier/core';
import { socketLinks } from '@mmu-notifier/links';
import type { Routine } from '@mmu-notifier/plugin-api';
import { xpmem } from '@mmu-notifier/xpmem';
import { AREA } from '../../core/bench/model.ts';
import type { Row } from '../../core/bench/row.ts';
import { KEY, PAGE, liveClock, withHost } from './shared.ts';

const PAGES = 4096;
const COPY = 2 ** 20;

type Kind = 'Unix socket' | 'TCP';

/** What ends the home nodes. */
const ends: (() => void)[] = [];
const pairs = new Map<Kind, Promise<Pair>>();

/** The home node in this process, the other one in its own, and a bare socket between them. */
class Pair {
  private readonly machine: Machine;
  private readonly process: Process;
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;
  private readonly bare: Socket;

  private constructor(machine: Machine, child: ChildProcess, answers: AsyncIterator<string>, bare: Socket) {
    this.machine = machine;
    this.process = machine.processes.get('p1') as Process;
    this.child = child;
    this.answers = answers;
    this.bare = bare;
  }

  static async of(kind: Kind): Promise<Pair> {
    const folder = mkdtempSync(join(tmpdir(), 'xpmem-bench-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const port = 20_000 + (process.pid % 20_000);
    const at = (name: string, offset: number): string =>
      kind === 'TCP' ? `tcp:127.0.0.1:${port + offset}` : `unix:${join(folder, name)}`;
    const [endpoint, bare] = [at('xpmem', 0), kind === 'TCP' ? `tcp:${port + 1}` : at('bare', 1)];
    const machine = await bootHome(endpoint);
    const script = fileURLToPath(new URL('./peer.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, endpoint, bare], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    process.once('exit', () => child.kill());
    child.unref();
    const answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    await answers.next();
    const socket = connect(kind === 'TCP' ? { host: '127.0.0.1', port: port + 1 } : { path: bare.slice(5) });
    await once(socket, 'connect');
    socket.setNoDelay(true);
    socket.unref();
    return new Pair(machine, child, answers, socket);
  }

  /** Nanoseconds that dropping `pages` takes, when the other node has them all. */
  async recall(pages: number): Promise<number> {
    await this.run(this.touch(pages));
    await this.ask(`touch ${pages}`);
    // The other node has said so, and is not at rest yet.
    await delay(2);
    return await this.run(this.drop(pages));
  }

  /** The same when nobody else has them. */
  async drops(pages: number): Promise<number> {
    await this.run(this.touch(pages));
    return await this.run(this.drop(pages));
  }

  /** Nanoseconds for a MiB of stores of the other node, whose translations are there. */
  async stores(): Promise<number> {
    await this.ask(`store ${COPY / PAGE}`);
    return Number(await this.ask(`store ${COPY / PAGE}`));
  }

  /** One round trip of the bare socket, after as long a rest as a recall has. */
  async ping(): Promise<number> {
    await delay(2);
    const started = performance.now();
    this.bare.write(Buffer.alloc(64, 1));
    await once(this.bare, 'data');
    return (performance.now() - started) * 1e6;
  }

  /** A MiB over the bare socket, until it is acknowledged. */
  async copy(): Promise<number> {
    const message = Buffer.alloc(COPY + 4);
    message.writeUInt32BE(COPY, 0);
    const started = performance.now();
    this.bare.write(message);
    await once(this.bare, 'data');
    return (performance.now() - started) * 1e6;
  }

  close(): void {
    this.child.kill();
    this.bare.destroy();
  }

  private *touch(pages: number): Routine<void> {
    for (let i = 0; i < pages; i++) yield* this.machine.store(this.process, AREA + i * PAGE, 1, Uint8Array.of(1));
  }

  private *drop(pages: number): Routine<number> {
    const started = performance.now();
    yield* this.machine.syscalls.madvise(this.process, AREA, pages * PAGE, 'dontneed');
    return (performance.now() - started) * 1e6;
  }

  private run<T>(routine: Routine<T>): Promise<T> {
    return new Promise((resolve) => {
      this.machine.spawn(
        'bench',
        (function* (): Routine<void> {
          resolve(yield* routine);
        })(),
        this.process,
      );
    });
  }

  private async ask(line: string): Promise<string> {
    this.child.stdin?.write(`${line}\n`);
    const { value } = await this.answers.next();
    return value as string;
  }
}

/** Resolves when the segment is there; the machine runs until this process ends. */
async function bootHome(endpoint: string): Promise<Machine> {
  const transport = socketLinks({ node: 'home', key: KEY });
  const machine = new Machine({
    ramBytes: 64 * 2 ** 20,
    swapBytes: 0,
    swapDevice: new MemorySwapDevice(),
    oracles: 'off',
    live: liveClock,
    transport,
  });
  const p1 = machine.processes.get('p1') as Process;
  await new Promise<void>((resolve, reject) => {
    const boot = function* (): Routine<void> {
      const { plugin, host } = withHost(xpmem({ listen: endpoint, leaseNs: 1e10 }));
      const device = yield* machine.attach('xpmem', plugin);
      yield* device.open(p1.handle);
      const call = { address: AREA, length: PAGES * PAGE, prot: 'rw', flags: ['private', 'anonymous', 'fixed'] };
      yield* machine.syscalls.mmap(p1, call);
      yield* device.actions?.['make']?.(p1.handle, [String(AREA), String(PAGES * PAGE), '666']) ?? [];
      resolve();
      // Keeps the machine running while nothing is asked of it.
      yield* host().tasks.waitFor(new Promise<void>((end) => ends.push(end)), 'the end of the benchmark');
      yield* machine.detach('xpmem');
      void transport.close();
    };
    machine.spawn('boot', boot(), p1);
    machine.runLive().catch(reject);
  });
  return machine;
}

function pairOver(kind: Kind): Promise<Pair> {
  let pair = pairs.get(kind);
  if (pair === undefined) pairs.set(kind, (pair = Pair.of(kind)));
  return pair;
}

/** Each page of a recall costs the other node a fault before. */
const turnsFor = (pages: number): number => (pages > 1000 ? 2 : 20);

async function mean(turns: number, measure: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) sum += await measure();
  return sum / turns;
}

function recallRow(pages: number, kind: Kind): Row {
  return {
    name: `XPMEM recall of ${pages === 1 ? 'a page' : `${pages.toLocaleString('en')} pages`}, ${kind}`,
    unit: 'us',
    aim: { kind: 'ratio', atMost: 1.5, text: '<= 1.5', of: 'a bare round trip' },
    async beside() {
      const pair = await pairOver(kind);
      return mean(20, () => pair.ping());
    },
    async measure() {
      const pair = await pairOver(kind);
      return (
        (await mean(turnsFor(pages), () => pair.recall(pages))) - (await mean(turnsFor(pages), () => pair.drops(pages)))
      );
    },
  };
}

function storeRow(kind: Kind): Row {
  return {
    name: `XPMEM, a MiB of remote stores, ${kind}`,
    unit: 'us',
    aim: { kind: 'ratio', atMost: 4, text: '<= 4', of: 'a bare copy' },
    async beside() {
      const pair = await pairOver(kind);
      return mean(4, () => pair.copy());
    },
    async measure() {
      const pair = await pairOver(kind);
      return mean(4, () => pair.stores());
    },
  };
}

/** Ends what the rows have started. */
export async function finish(): Promise<void> {
  for (const pair of pairs.values()) (await pair).close();
  for (const end of ends) end();
}

const KINDS: readonly Kind[] = ['Unix socket', 'TCP'];

export const rows: readonly Row[] = KINDS.flatMap((kind) => [
  ...[1, 64, 4096].map((pages) => recallRow(pages, kind)),
  storeRow(kind),
]);
