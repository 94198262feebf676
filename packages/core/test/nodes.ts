/** Two devices of one machine that are two nodes, and a strategy whose choices a test writes down. */
import type { Link, LinkListener, LinkService, PluginHost, Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import { SeededStrategy } from '../src/sched/strategy.ts';
import { attachTo, spy } from './spy.ts';
import { type Options, machineOf, run } from './machine.ts';

export interface Nodes {
  readonly machine: Machine;
  readonly a: PluginHost;
  readonly b: PluginHost;
}

export function nodes(options: Options = {}): Nodes {
  const machine = machineOf(options);
  const hosts = ['a', 'b'].map((name) => {
    const { plugin, host } = spy();
    attachTo(machine, plugin, name);
    return host();
  });
  return { machine, a: hosts[0] as PluginHost, b: hosts[1] as PluginHost };
}

export function linksOf(host: PluginHost): LinkService {
  return host.links as LinkService;
}

/** A link from `a` to `b`, both ends. */
export function* linked({ a, b }: Nodes, endpoint = 'b'): Routine<readonly [Link, Link]> {
  const listener = got(yield* linksOf(b).listen(endpoint)) as LinkListener;
  const pair = yield* dial(a, endpoint, listener);
  listener.close();
  return pair;
}

export function* dial(from: PluginHost, endpoint: string, listener: LinkListener): Routine<readonly [Link, Link]> {
  const here = got(yield* linksOf(from).connect(endpoint)) as Link;
  return [here, got(yield* listener.accept()) as Link];
}

export function got<T>(answer: T): Exclude<T, string> {
  if (typeof answer === 'string') throw new Error(`answered ${answer}`);
  return answer as Exclude<T, string>;
}

export function runOn<T>({ machine }: Nodes, routine: Routine<T>): T {
  return run(machine, routine);
}

/** Answers choices from a list, then 0; never switches on its own. */
export class ScriptedStrategy extends SeededStrategy {
  readonly asked: string[] = [];
  private readonly answers: number[];

  constructor(answers: readonly number[]) {
    super(1);
    this.answers = [...answers];
  }

  override choose(count: number, what?: string): number {
    this.asked.push(`${what} of ${count}`);
    return this.answers.shift() ?? 0;
  }
}
