/** The simulated link without faults, then each fault where a test puts it. `links` of @mmu-notifier/links has the suite that both kinds pass. */
import type { Link, LinkListener, Routine } from '@mmu-notifier/plugin-api';
import { ContractViolation, UsageError } from '../contract.ts';
import type { RunnableTask } from '../sched/strategy.ts';
import { expectClean, machineOf, run } from '../../test/machine.ts';
import { type Nodes, ScriptedStrategy, dial, got, linked, linksOf, nodes, runOn } from '../../test/nodes.ts';
import { describePoint } from '../sched/preemption-point.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values);

/** What arrives at `link` until it stays silent for a virtual second or ends. */
function* drain(link: Link): Routine<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    const message = yield* link.receive(1e9);
    seen.push(typeof message === 'string' ? message : message[0]);
    if (typeof message === 'string') return seen;
  }
}

/** Sends 1, 2, 3 from a to b, with these choices. @returns what b got. */
function sent(
  faults: object,
  answers: readonly number[],
): { seen: unknown[]; bench: Nodes; strategy: ScriptedStrategy } {
  const strategy = new ScriptedStrategy(answers);
  const bench = nodes({ strategy, links: faults });
  const seen = runOn(
    bench,
    (function* () {
      const [here, there] = yield* linked(bench);
      for (const value of [1, 2, 3]) expect(here.send(bytes(value))).toBeUndefined();
      return yield* drain(there);
    })(),
  );
  return { seen, bench, strategy };
}

describe('a simulated link', () => {
  it('joins two devices of a machine, or one with itself', () => {
    const bench = nodes();
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        expect([here.peer, there.peer, here.session, there.session]).toEqual(['b', 'a', 1, 1]);
        const listener = got(yield* linksOf(bench.a).listen('own')) as LinkListener;
        const [one, other] = yield* dial(bench.a, 'own', listener);
        expect([one.peer, other.peer, one.session]).toEqual(['a', 'a', 2]);
        one.send(bytes(1));
        expect(yield* other.receive()).toEqual(bytes(1));
      })(),
    );
    expect(bench.machine.stats()['links']).toMatchObject({ sessions: 2, sent: 1, received: 1 });
    expectClean(bench.machine);
  });

  it('is announced: a send is noted, a receive is a point', () => {
    const noted: string[] = [];
    class Watching extends ScriptedStrategy {
      observe(_task: RunnableTask, operation: number): void {
        noted.push(describePoint(operation).replace(/ \d+$/, ''));
      }
      override pick(runnable: readonly RunnableTask[], last: RunnableTask | undefined): number {
        for (const { at } of runnable) noted.push(describePoint(at).replace(/ \d+$/, ''));
        return super.pick(runnable, last);
      }
    }
    const bench = nodes({ strategy: new Watching([]) });
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        noted.length = 0;
        here.send(bytes(1));
        yield* there.receive();
      })(),
    );
    expect(noted).toEqual(expect.arrayContaining(['Send', 'AtomicLoad', 'Receive']));
    expect(noted.indexOf('Send')).toBeLessThan(noted.indexOf('Receive'));
  });

  it('may be sent to under a spinlock, and not received from', () => {
    const bench = nodes();
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        const lock = bench.a.sync.spinLock('lock');
        yield* lock.acquire();
        expect(here.send(bytes(1))).toBeUndefined();
        lock.release();
        yield* there.receive();
      })(),
    );
    expect(() =>
      runOn(
        bench,
        (function* () {
          const [, there] = yield* linked(bench);
          const lock = bench.a.sync.spinLock('lock');
          yield* lock.acquire();
          yield* there.receive();
        })(),
      ),
    ).toThrow(ContractViolation);
  });

  it('takes the latency that it is given', () => {
    const bench = nodes({ links: { latencyNs: 5_000 } });
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        const began = bench.a.tasks.now();
        for (const value of [1, 2]) here.send(bytes(value));
        here.close();
        expect(yield* there.receive(4_999)).toBe('timeout');
        expect(yield* drain(there)).toEqual([1, 2, 'closed']);
        expect(bench.a.tasks.now() - began).toBe(5_000);
        expect(there.end).toBe('closed-by-peer');
      })(),
    );
  });

  it('is closed with its device', () => {
    const bench = nodes();
    const [, there] = runOn(bench, linked(bench));
    runOn(bench, linksOf(bench.a).listen('left open'));
    run(bench.machine, bench.machine.detach('a'));
    expect(there.end).toBe('closed-by-peer');
    expect(runOn(bench, linksOf(bench.b).connect('left open'))).toBe('ECONNREFUSED');
  });

  it('breaks when told to, and both ends hear of it after the silence', () => {
    const bench = nodes({ links: { silenceNs: 700 } });
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        bench.machine.cutLinks('b');
        expect([here.end, here.send(bytes(1))]).toEqual([undefined, undefined]);
        const began = bench.a.tasks.now();
        expect(yield* there.receive()).toBe('closed');
        expect(yield* here.receive()).toBe('closed');
        expect([bench.a.tasks.now() - began, here.end, there.end]).toEqual([700, 'lost', 'lost']);
        expect(here.send(bytes(1))).toBe('ENOTCONN');
        const [again] = yield* linked(bench);
        expect(again.session).toBeGreaterThan(here.session);
      })(),
    );
    expect(bench.machine.stats()['links']).toMatchObject({ disconnections: 1 });
  });
});

describe('a fault of a simulated link', () => {
  it('is never asked for where none is possible', () => {
    const { seen, strategy } = sent({}, [1, 1, 1]);
    expect([seen, strategy.asked]).toEqual([[1, 2, 3, 'timeout'], []]);
  });

  it('loses a message', () => {
    const { seen, bench, strategy } = sent({ loss: true }, [0, 1, 0]);
    expect(seen).toEqual([1, 3, 'timeout']);
    expect(strategy.asked[1]).toBe('message 2 from a to b of 2');
    expect(bench.machine.stats()['links']).toMatchObject({ sent: 3, received: 2, lost: 1 });
  });

  it('doubles a message: the copy comes later', () => {
    expect(sent({ duplication: true }, [1]).seen).toEqual([1, 2, 3, 1, 'timeout']);
  });

  it('delays a message, and those behind it wait', () => {
    const { seen, bench } = sent({ delay: true, delayNs: 300 }, [0, 1]);
    expect(seen).toEqual([1, 2, 3, 'timeout']);
    expect(bench.a.tasks.now()).toBe(300 + 1e9);
  });

  it('lets others overtake a message', () => {
    expect(sent({ reordering: true }, [1]).seen).toEqual([2, 3, 1, 'timeout']);
  });

  it('breaks the link: each end hears of it when the strategy says so', () => {
    const faults = { disconnection: true, silenceNs: 400 };
    for (const [hears, ends] of [
      [
        [0, 0],
        ['lost', 'lost'],
      ],
      [
        [1, 0],
        [undefined, 'lost'],
      ],
      [
        [0, 1],
        ['lost', undefined],
      ],
      [
        [1, 1],
        [undefined, undefined],
      ],
    ] as const) {
      const bench = nodes({ strategy: new ScriptedStrategy([0, 0, 1, ...hears]), links: faults });
      runOn(
        bench,
        (function* () {
          const [here, there] = yield* linked(bench);
          for (const value of [1, 2]) expect(here.send(bytes(value))).toBeUndefined();
          expect([here.end, there.end]).toEqual(ends);
          // What had arrived is handed out; what was under way is not.
          expect(yield* drain(there)).toEqual([1, 'closed']);
          expect(yield* drain(here)).toEqual(['closed']);
        })(),
      );
    }
  });

  it('keeps a connection from coming about, for as long as the caller has patience', () => {
    const bench = nodes({ strategy: new ScriptedStrategy([1]), links: { disconnection: true } });
    runOn(
      bench,
      (function* () {
        yield* linksOf(bench.b).listen('b');
        expect(yield* linksOf(bench.a).connect('b', 50)).toBe('EHOSTUNREACH');
        expect(bench.a.tasks.now()).toBe(50);
        got(yield* linksOf(bench.a).connect('b'));
      })(),
    );
  });

  it('happens at most as often as the machine allows', () => {
    const { seen } = sent({ loss: true, atMost: 1 }, [1, 1, 1]);
    expect(seen).toEqual([2, 3, 'timeout']);
  });

  it('never happens in direct mode', () => {
    const bench = nodes({
      links: { loss: true, duplication: true, delay: true, reordering: true, disconnection: true },
    });
    runOn(
      bench,
      (function* () {
        const [here, there] = yield* linked(bench);
        for (let value = 0; value < 50; value++) here.send(bytes(value));
        here.close();
        expect(yield* drain(there)).toEqual([...Array(50).keys(), 'closed']);
      })(),
    );
  });

  it('has a name that there is, and a value that can be', () => {
    const bad =
      (links: object): (() => unknown) =>
      () =>
        machineOf({ links });
    expect(bad({ losses: true })).toThrow(/^found links.losses, expected loss, /);
    expect(bad({ loss: 1 })).toThrow('links.loss is true or false, found 1');
    expect(bad({ capacity: 0 })).toThrow('links.capacity is a number from 1 on, found 0');
    expect(bad({ delayNs: -1 })).toThrow(UsageError);
  });
});

describe('a transport', () => {
  it('belongs to a live machine', () => {
    const transport = { node: 'n', maxMessage: 1, listen: jest.fn(), connect: jest.fn() };
    expect(() => machineOf({ transport })).toThrow(/^found a transport without a clock/);
  });
});
