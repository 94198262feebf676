/**
 * A driver's protocol over links on which everything goes wrong: requests have numbers, are sent again until they are
 * answered, in a new session where the old one broke, and their effect is had once.
 */
import type { Link, LinkListener, Routine } from '@mmu-notifier/plugin-api';
import { SeededStrategy } from '../src/sched/strategy.ts';
import { expectClean } from './machine.ts';
import { type Nodes, got, linksOf, nodes } from './nodes.ts';

const EVERYTHING = { loss: true, duplication: true, delay: true, reordering: true, disconnection: true } as const;
const REQUESTS = 12;
/** Longer than a delayed message takes. */
const PATIENCE = 3e6;
const BYE = 255;

interface Outcome {
  /** Requests in the order in which they took effect. */
  readonly effects: number[];
  readonly sessions: number[];
  /** Messages that arrived in another session than the one they were sent in. */
  strays: number;
}

/** Answers every request; remembers the last one that took effect, unless it is the twin that does not. */
function* serve(link: Link, outcome: Outcome, memory: 'remembers' | 'forgets'): Routine<void> {
  for (;;) {
    const request = yield* link.receive();
    if (request === 'closed' || request === 'timeout') return;
    if (request[1] !== link.session) outcome.strays++;
    const [number = 0] = request;
    if (memory === 'forgets' || !outcome.effects.includes(number)) outcome.effects.push(number);
    link.send(Uint8Array.of(number, link.session));
  }
}

function* listen(
  bench: Nodes,
  listener: LinkListener,
  outcome: Outcome,
  memory: 'remembers' | 'forgets',
): Routine<void> {
  for (;;) {
    const link = yield* listener.accept();
    if (typeof link === 'string') return;
    outcome.sessions.push(link.session);
    bench.b.tasks.kernelThread(`session ${link.session}`, () => serve(link, outcome, memory), 'daemon');
  }
}

/** One request, until its answer is there. @returns the link that it ended on. */
function* ask(bench: Nodes, first: Link | undefined, number: number, outcome: Outcome): Routine<Link> {
  let link = first;
  for (;;) {
    while (link === undefined || link.end !== undefined) {
      const made = yield* linksOf(bench.a).connect('b', 1e6);
      link = typeof made === 'string' ? undefined : made;
    }
    link.send(Uint8Array.of(number, link.session));
    const until = bench.a.tasks.now() + PATIENCE;
    for (let left = PATIENCE; left > 0 && link.end === undefined; left = until - bench.a.tasks.now()) {
      const answer = yield* link.receive(left);
      if (typeof answer === 'string') break;
      if (answer[1] !== link.session) outcome.strays++;
      if (answer[0] === number) return link;
    }
  }
}

function conversation(seed: number, memory: 'remembers' | 'forgets' = 'remembers'): Outcome & { readonly now: number } {
  const bench = nodes({ strategy: new SeededStrategy(seed, 0.25), links: EVERYTHING, frames: 64, swapPages: 0 });
  const outcome: Outcome = { effects: [], sessions: [], strays: 0 };
  const { machine, a, b } = bench;
  machine.spawn(
    'asks',
    (function* (): Routine<void> {
      const listener = got(yield* linksOf(b).listen('b')) as LinkListener;
      b.tasks.kernelThread('listens', () => listen(bench, listener, outcome, memory), 'daemon');
      let link: Link | undefined;
      for (let number = 1; number <= REQUESTS; number++) link = yield* ask(bench, link, number, outcome);
      link?.send(Uint8Array.of(BYE, link.session));
    })(),
  );
  machine.runAll();
  expectClean(machine);
  return { ...outcome, now: a.tasks.now() };
}

const seeds = [...Array(150).keys()].map((i) => i + 1);

describe('a protocol over links on which everything goes wrong', () => {
  it('has the effect of each request once, in order, under every seed', () => {
    let broken = 0;
    for (const seed of seeds) {
      const { effects, sessions, strays } = conversation(seed);
      const wanted = [...Array(REQUESTS).keys()].map((i) => i + 1);
      expect({ seed, effects: effects.filter((number) => number !== BYE), strays }).toEqual({
        seed,
        effects: wanted,
        strays: 0,
      });
      expect([...sessions].sort((x, y) => x - y)).toEqual(sessions);
      if (sessions.length > 1) broken++;
    }
    // Otherwise nothing was shown.
    expect(broken).toBeGreaterThan(50);
  });

  it('needs the memory of what took effect: without it some seed has an effect twice', () => {
    const twice = seeds.filter((seed) => {
      const { effects } = conversation(seed, 'forgets');
      return new Set(effects).size < effects.length;
    });
    expect(twice.length).toBeGreaterThan(10);
  });

  it('runs the same way under the same seed', () => {
    for (const seed of [3, 17]) expect(conversation(seed)).toEqual(conversation(seed));
  });
});
