/**
 * Accesses a second: the bundled recording of redis, parsed beforehand into typed arrays, or read from its compressed
 * text, on a fresh machine with oracles off. The player is the command's own; calls, faults, forks and exits of the
 * recording are made. What the command counts beside a replay, to compare it with the ground truth, is not: it is measured
 * in `read-lackey.bench.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { kvm } from '@mmu-notifier/kvm';
import {
  type AccessBatch,
  type AccessKind,
  type EventOrigin,
  type EventSink,
  type MmEvent,
  openRecording,
} from '@mmu-notifier/trace';
import {
  type Machine,
  Machine as CoreMachine,
  MemorySwapDevice,
  type MmapCall,
  type Process,
} from '@mmu-notifier/core';
import { unpack } from '../src/compression/unpack.ts';

/** What is used of `cli/src/replay`: no package exports it. */
interface CommandParts {
  readonly Player: new (machine: Machine, devices: unknown, turns: unknown) => EventSink & { replayed: number };
  readonly DeviceSet: new (machine: Machine, plugins: readonly unknown[]) => unknown;
  readonly DeviceTurns: new (share: { numerator: number; denominator: number }, devices: number) => unknown;
}

const recording = join(import.meta.dirname, '../recordings/redis/lackey.txt.xz');
const command = new URL('../../cli/src/replay/', import.meta.url);

async function commandParts(): Promise<CommandParts> {
  const files = ['player.ts', 'device-set.ts', 'share.ts'].map((file) => import(new URL(file, command).href));
  return Object.assign({}, ...(await Promise.all(files))) as CommandParts;
}

/** Something other than an access. */
interface Call {
  readonly event: MmEvent;
  readonly origin: EventOrigin;
}

/** More than the recording has. */
const MOST = 2 ** 22;

/** A recording in memory: typed arrays of accesses, and what comes between them. */
class Parsed implements EventSink {
  readonly steps: (AccessBatch | Call)[] = [];
  accesses = 0;
  private readonly kinds = new Uint8Array(MOST);
  private readonly addresses = new Float64Array(MOST);
  private readonly sizes = new Int32Array(MOST);
  private process = 0;
  /** Where the accesses begin that belong to no step yet. */
  private from = 0;

  access(process: number, kind: AccessKind, address: number, size: number): void {
    if (process !== this.process) this.endBatch();
    this.process = process;
    this.kinds[this.accesses] = kind;
    this.addresses[this.accesses] = address;
    this.sizes[this.accesses++] = size;
  }

  event(event: MmEvent, origin: EventOrigin): void {
    this.endBatch();
    this.steps.push({ event, origin });
  }

  endBatch(): void {
    const { process, from, accesses } = this;
    if (from === accesses) return;
    const columns = {
      kinds: this.kinds.subarray(from, accesses),
      addresses: this.addresses.subarray(from, accesses),
      sizes: this.sizes.subarray(from, accesses),
    };
    this.steps.push({ process, length: accesses - from, ...columns });
    this.from = accesses;
  }
}

async function read(sink: EventSink, path: string = recording): Promise<void> {
  const reading = (await openRecording(path)).read(sink);
  while ((await reading.next()).done !== true);
}

let parsed: Parsed | undefined;

async function preparsed(): Promise<Parsed> {
  if (parsed !== undefined) return parsed;
  parsed = new Parsed();
  await read(parsed);
  parsed.endBatch();
  return parsed;
}

let gzipped: string | undefined;

/** The same text, packed by gzip. */
async function gzipRecording(): Promise<string> {
  if (gzipped !== undefined) return gzipped;
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const parts: Uint8Array[] = [];
  for await (const chunk of unpack(recording, 'xz').chunks) parts.push(chunk.slice());
  gzipped = join(folder, 'lackey.txt.gz');
  await writeFile(gzipped, gzipSync(Buffer.concat(parts)));
  return gzipped;
}

/** What is replayed. */
export type Source = 'typed arrays' | 'text' | 'gzip text';

/** Accesses for each second of CPU time, in one replay. */
export async function replayRate(source: Source, devices: 'cpu only' | 'kvm'): Promise<number> {
  const plugins = devices === 'kvm' ? [kvm()] : [];
  const { Player, DeviceSet, DeviceTurns } = await commandParts();
  const recorded = await preparsed();
  const { accesses } = recorded;
  const machine = new CoreMachine({
    ramBytes: 64 * 2 ** 20,
    swapBytes: 0,
    swapDevice: new MemorySwapDevice(),
    oracles: 'off',
  });
  touchMemory(machine);
  const set = new DeviceSet(machine, plugins);
  const player = new Player(machine, set, new DeviceTurns({ numerator: 1, denominator: 4 }, plugins.length));
  const path = source === 'gzip text' ? await gzipRecording() : recording;
  const before = process.cpuUsage();
  if (source !== 'typed arrays') await read(player, path);
  else play(recorded, player);
  const { user, system } = process.cpuUsage(before);
  if (player.replayed < accesses) throw new Error(`${accesses - player.replayed} accesses were not replayed`);
  return (accesses / (user + system)) * 1e6;
}

/** Hands the machine's memory to it: a new one gets its pages from this host as it first writes to them. */
function touchMemory(machine: CoreMachine): void {
  const p1 = machine.processes.get('p1') as Process;
  const length = 48 * 2 ** 20;
  const call: MmapCall = { address: 0, length, prot: 'rw', flags: ['private', 'anonymous', 'populate'] };
  const address = machine.run('warm', machine.syscalls.mmap(p1, call), p1);
  if (typeof address === 'string') throw new Error(`mmap answered ${address}`);
  machine.run('warm', machine.syscalls.munmap(p1, address, length), p1);
}

function play({ steps }: Parsed, player: EventSink): void {
  for (const step of steps) {
    if ('event' in step) player.event(step.event, step.origin);
    else player.accessBatch?.(step);
  }
}
