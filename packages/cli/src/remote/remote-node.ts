/**
 * XPMEM with another node: a process of its own, joined by a Unix socket, that makes the device's share of the accesses. They
 * wait until there are many or until the next call of the recording, and travel together; meanwhile this machine
 * answers the other node's faults, and calls back what it is about to change.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine, Process } from '@mmu-notifier/core';
import { type BlockingLinks, blockingLinks } from '@mmu-notifier/links';
import type { Device, Link, LinkListener, LinkService, PluginHost, Routine } from '@mmu-notifier/plugin-api';
import type { SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { xpmem } from '@mmu-notifier/xpmem';
import { InputError } from '../errors.ts';
import { Checksum, type PeerAccess, type PeerStart, decodeAnswer, encodeMessage } from './control.ts';
import { withHost } from './with-host.ts';

/** Accesses that travel together, and their bytes: both at most. */
const BATCH = 512;
const BATCH_BYTES = 2 ** 18;
const LEASE_NS = 2e9;
/** How long the other node may take to start, or to make a batch, in nanoseconds. */
const PATIENCE = 60e9;

/** An access that has not been made yet. */
export interface Deferred extends PeerAccess {
  readonly process: Process;
}

/** One that the other node could not make. */
export interface Failed {
  readonly access: Deferred;
  readonly reason: string;
}

export class RemoteNode {
  readonly links: BlockingLinks;
  /** To be attached in place of XPMEM. */
  readonly plugin: SecondaryMmuPlugin;
  /** Resolves when the process runs. Rejects with an InputError where it does not. */
  readonly ready: Promise<unknown>;
  /** Batches so far. */
  batches = 0;
  private readonly folder: string;
  private readonly child: ChildProcess;
  private readonly start: PeerStart;
  private readonly host: () => PluginHost;
  private readonly segids = new Map<string, number>();
  private readonly sent = new Checksum();
  private pending: Deferred[] = [];
  private bytes = 0;
  private listener: LinkListener | undefined;
  private control: Link | undefined;
  private exited: string | undefined;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-'));
    const key = randomBytes(32).toString('hex');
    const at = (name: string): string => `unix:${join(this.folder, name)}`;
    this.start = { key, xpmem: at('xpmem.sock'), control: at('control.sock'), leaseNs: LEASE_NS };
    this.links = blockingLinks({ node: 'home', key: Buffer.from(key, 'hex') });
    const here = import.meta.url;
    const script = fileURLToPath(new URL(here.endsWith('.ts') ? './peer.ts' : './peer.js', here));
    this.child = spawn(process.execPath, [...process.execArgv, script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ready = new Promise((resolve, reject) => {
      this.child.stdout?.once('data', resolve);
      this.child.once('error', reject);
      this.child.once('exit', (code, signal) => {
        this.exited = signal ?? `status ${code}`;
        reject(this.gone('closed'));
      });
    });
    // Whoever waits for it hears of it.
    this.ready.catch(() => undefined);
    this.child.stdin?.end(JSON.stringify(this.start));
    const inner = xpmem({ listen: this.start.xpmem, leaseNs: LEASE_NS });
    ({ plugin: this.plugin, host: this.host } = withHost(inner, (host) => this.overhear(host)));
  }

  get waiting(): number {
    return this.pending.length;
  }

  get isFull(): boolean {
    return this.pending.length >= BATCH || this.bytes >= BATCH_BYTES;
  }

  /** The whole address space of the process becomes a segment. @sleeps May. */
  *opened(device: Device, process: Process): Routine<string | undefined> {
    const made = yield* device.actions?.['make']?.(process.handle, ['0', 'all', '666']) ?? none();
    const segid = Number(made);
    if (!Number.isSafeInteger(segid)) return String(made);
    this.segids.set(process.name, segid);
    return undefined;
  }

  /** @param data - Copied. */
  defer(process: Process, kind: 'load' | 'store', address: number, data: Uint8Array): void {
    const segid = this.segids.get(process.name) ?? 0;
    const { length } = data;
    const access = { process, segid, address, kind, length };
    this.pending.push(kind === 'store' ? { ...access, bytes: data.slice() } : access);
    this.bytes += length;
  }

  forget(): void {
    this.pending = [];
    this.bytes = 0;
  }

  /**
   * The other node makes all that wait. @sleeps Until it has.
   *
   * @throws InputError when it is gone, and an Error when it has seen other bytes than it was sent.
   */
  *flush(): Routine<readonly Failed[]> {
    const batch = this.pending;
    this.forget();
    if (batch.length === 0) return [];
    const control = yield* this.connected();
    const message = encodeMessage(batch.map(({ process: _, ...access }) => access));
    while (control.send(message) === 'EAGAIN') yield* control.room();
    const reply = yield* control.receive(PATIENCE);
    if (typeof reply === 'string') throw this.gone(reply);
    this.batches++;
    const { failed, checksum } = decodeAnswer(reply);
    if (checksum !== this.sent.value)
      throw new Error(`the other node has loaded other bytes than it was sent: ${checksum}, ${this.sent.value}`);
    return failed.map(({ index, reason }) => ({ access: batch[index] as Deferred, reason }));
  }

  /** Listens for the other node, before it is asked for anything. @sleeps May. */
  *listen(): Routine<void> {
    const listener = yield* (this.host().links as LinkService).listen(this.start.control);
    if (typeof listener === 'string') throw new InputError(`xpmem: ${this.start.control} answers ${listener}`);
    this.listener = listener;
  }

  /** Nothing is left of it: no process, no socket, no thread. */
  async close(): Promise<void> {
    await this.links.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = new Promise((resolve) => this.child.once('exit', resolve));
      const killed = setTimeout(() => this.child.kill('SIGKILL'), 5000);
      await exit;
      clearTimeout(killed);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private *connected(): Routine<Link> {
    if (this.control === undefined) {
      const link = (yield* this.listener?.accept(PATIENCE) ?? none()) ?? 'closed';
      if (typeof link === 'string') throw this.gone(link);
      this.control = link;
    }
    return this.control;
  }

  private gone(how: 'closed' | 'timeout'): InputError {
    const what = how === 'timeout' ? `did not answer in ${PATIENCE / 1e9} s` : 'is gone';
    const why = this.exited === undefined ? '' : ` (${this.exited})`;
    return new InputError(`xpmem: the process of the other node ${what}${why}, expected it to stay until the end`);
  }

  /** What the ledger lets the other node load is what it must have seen. */
  private overhear(host: PluginHost): PluginHost {
    const { ledger } = host;
    const load: typeof ledger.load = (entry, offset, length, into, at) => {
      ledger.load(entry, offset, length, into, at);
      this.sent.add(into.subarray(at, at + length));
    };
    return replaced(host, 'ledger', replaced(ledger, 'load', load));
  }
}

/** The same object, but for one property. Its methods are called on the object itself. */
function replaced<T extends object, K extends keyof T>(object: T, name: K, value: T[K]): T {
  return new Proxy(object, {
    get: (target, key) => {
      if (key === name) return value;
      const found: unknown = Reflect.get(target, key);
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
}

function* none(): Routine<undefined> {
  return undefined;
}

/** Attaches what the node is made of. */
export function startRemote(machine: Machine, node: RemoteNode, name: string): Device {
  const device = machine.run(name, machine.attach(name, node.plugin));
  machine.run(name, node.listen());
  return device;
}
