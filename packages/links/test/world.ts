/** Two nodes and what carries their links: a simulated network in one machine, or sockets between two live ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LiveClock, Machine, MemorySwapDevice } from '@mmu-notifier/core';
import {
  type Device,
  type LinkService,
  type LinkTransport,
  type PluginHost,
  type Routine,
  definePlugin,
} from '@mmu-notifier/plugin-api';
import { type SocketLinkOptions, type SocketLinks, socketLinks } from '../src/index.ts';
import { type Proxy, proxyTo } from './proxy.ts';

export const KEY = 'a key of thirty-two bytes, or so';

export interface Side {
  readonly links: LinkService;
  readonly host: PluginHost;
}

export interface World {
  /** An endpoint that nobody uses. */
  endpoint(): string;
  /** Runs both to their ends. */
  both(a: (side: Side) => Routine<void>, b: (side: Side) => Routine<void>): Promise<void>;
  /** Says another address of an endpoint, whose connections `cut` breaks. */
  via(endpoint: string, say: (address: string) => void): void;
  cut(): void;
  close(): Promise<void>;
}

export const realClock: LiveClock = {
  now: () => performance.now() * 1e6,
  alarm(nanoseconds, ring) {
    const timer = setTimeout(ring, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

export function machineOf(transport?: LinkTransport): Machine {
  return new Machine({
    ramBytes: 64 * 4096,
    swapBytes: 0,
    swapDevice: new MemorySwapDevice(),
    oracles: 'on',
    ...(transport === undefined ? {} : { transport, live: realClock }),
  });
}

/** A device that does nothing but show its host. */
export function nodeOn(machine: Machine, name: string): Side {
  let given: PluginHost | undefined;
  const plugin = definePlugin({
    name: 'node',
    api: '^1.0.0',
    requires: ['links'],
    traits: {
      kind: 'sptes',
      registration: 'mm',
      callbacks: {},
      nonBlockable: 'proceeds',
      pins: 'none',
      invalidateAt: 'start',
      faultMode: 'as-asked',
      dirty: 'at-map',
      pageSizes: [4096],
      addressSpaces: 'several',
    },
    *attach(host): Routine<Device> {
      given = host;
      return {
        *open() {
          return undefined;
        },
        *access() {
          return 'ENXIO' as const;
        },
        *close() {},
        *detach() {},
        translations: () => [],
      };
    },
  });
  machine.run('attach', machine.attach(name, plugin));
  const host = given as unknown as PluginHost;
  return { host, links: host.links as LinkService };
}

export function simulatedWorld(): World {
  const machine = machineOf();
  const [a, b] = [nodeOn(machine, 'a'), nodeOn(machine, 'b')];
  let endpoints = 0;
  return {
    endpoint: () => `endpoint ${++endpoints}`,
    async both(one, another) {
      machine.spawn('a', one(a));
      machine.spawn('b', another(b));
      machine.runAll();
    },
    via: (endpoint, say) => say(endpoint),
    cut: () => machine.cutLinks(),
    async close() {
      expect(machine.shutdown()).toEqual([]);
    },
  };
}

export interface SocketWorld extends World {
  readonly a: SocketLinks;
  readonly b: SocketLinks;
  readonly logs: string[];
}

export function socketWorld(kind: 'unix' | 'tcp' | 'tcp6', options: Partial<SocketLinkOptions> = {}): SocketWorld {
  const folder = mkdtempSync(join(tmpdir(), 'links-'));
  const logs: string[] = [];
  const given = { key: KEY, log: (line: string) => void logs.push(line), ...options };
  const [a, b] = [socketLinks({ node: 'a', ...given }), socketLinks({ node: 'b', ...given })];
  const machines = [machineOf(a), machineOf(b)] as const;
  const sides = machines.map((machine, i) => nodeOn(machine, `dev${i}`));
  const proxies: Proxy[] = [];
  let endpoints = 0;
  const endpoint = (): string => {
    if (kind === 'unix') return `unix:${join(folder, `${++endpoints}.sock`)}`;
    return kind === 'tcp' ? 'tcp:127.0.0.1:0' : 'tcp:[::1]:0';
  };
  return {
    a,
    b,
    logs,
    endpoint,
    async both(one, another) {
      machines[0].spawn('a', one(sides[0] as Side));
      machines[1].spawn('b', another(sides[1] as Side));
      await Promise.all(machines.map((machine) => machine.runLive()));
    },
    via(target, say) {
      void proxyTo(target, endpoint()).then((proxy) => {
        proxies.push(proxy);
        say(proxy.endpoint);
      });
    },
    cut: () => proxies.forEach((proxy) => proxy.cut()),
    async close() {
      await Promise.all([a.close(), b.close(), ...proxies.map((proxy) => proxy.close())]);
      for (const machine of machines) machine.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export function got<T>(answer: T): Exclude<T, string> {
  if (typeof answer === 'string') throw new Error(`answered ${answer}`);
  return answer as Exclude<T, string>;
}

/** A value that one side hands to the other, outside of the links under test. */
export class Handed<T> {
  private value: T | undefined;

  give(value: T): void {
    this.value = value;
  }

  *take({ host }: Side): Routine<T> {
    // Not for ever: the other side may have failed.
    for (let i = 0; this.value === undefined && i < 60_000; i++) yield* host.tasks.sleep(1e6);
    const { value } = this;
    if (value === undefined) throw new Error('the other side has handed nothing over');
    this.value = undefined;
    return value;
  }
}
