/** Tasks that wait for the world outside, on real sockets. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { connectTo, echoServer, realClock } from '../../test/live.ts';
import { AREA, PAGE, expectClean, load, machineOf, map, p1, run, store } from '../../test/machine.ts';
import { attachTo, spy, writesDown } from '../../test/spy.ts';
import { ContractViolation, UsageError } from '../contract.ts';
import { Machine } from '../machine.ts';
import { LiveLoop, waitForOutside } from './live.ts';
import { Scheduler } from './scheduler.ts';
import { SeededStrategy } from './strategy.ts';
import { WaitQueue } from './wait-queue.ts';

function liveScheduler(): { scheduler: Scheduler; live: LiveLoop } {
  const live = new LiveLoop(realClock);
  return { scheduler: new Scheduler(2, undefined, undefined, live), live };
}

describe('a live machine', () => {
  it('lets a callback ask a peer over TCP before the page goes, while other tasks go on', async () => {
    const { server, port } = await echoServer();
    const peer = await connectTo(port);
    const machine = machineOf({ live: realClock });
    map(machine, 4, { at: AREA });
    store(machine, AREA, 7);
    const asked: number[][] = [];
    const watcher = spy((log, host) => ({
      ...writesDown(log),
      *invalidateRangeStart(): Routine<'done'> {
        log.push('recall');
        const answer = yield* host.tasks.waitFor(peer.request(Uint8Array.of(1, 2, 3)), 'the peer');
        if (answer.status === 'fulfilled') asked.push([...answer.value]);
        log.push(`gone, ${load(machine, AREA, machine.processes.get('p1'))} was there until now`);
        return 'done';
      },
    }));
    attachTo(machine, watcher.plugin);
    watcher.take();
    machine.spawn('unmap', machine.syscalls.munmap(p1(machine), AREA, PAGE), p1(machine));
    machine.spawn(
      'other',
      (function* (): Routine<void> {
        for (let turn = 0; turn < 3; turn++) {
          watcher.log.push(`other ${turn}`);
          yield* watcher.host().tasks.sleep(1000);
        }
      })(),
    );
    await machine.runLive().finally(() => {
      peer.close();
      server.close();
    });
    expect(asked).toEqual([[1, 2, 3]]);
    expect(watcher.take().slice(0, 2)).toEqual(['recall', 'other 0']);
    expectClean(machine);
  });

  it('answers a failure of the world outside as a value', async () => {
    const { scheduler, live } = liveScheduler();
    const seen: unknown[] = [];
    scheduler.spawn(
      'asks',
      (function* (): Routine<void> {
        seen.push(yield* waitForOutside(scheduler, Promise.reject(new Error('the link is down')), 'a link'));
        seen.push(yield* waitForOutside(scheduler, Promise.resolve(5), 'a number'));
      })(),
    );
    await live.run(scheduler);
    expect(seen).toEqual([
      { status: 'rejected', reason: new Error('the link is down') },
      { status: 'fulfilled', value: 5 },
    ]);
  });

  it('passes on what a task throws, and reports a deadlock that nobody outside can end', async () => {
    const { scheduler, live } = liveScheduler();
    scheduler.spawn(
      'breaks',
      (function* (): Routine<void> {
        yield* waitForOutside(scheduler, Promise.resolve(), 'a moment');
        scheduler.fail('test', 'broken');
      })(),
    );
    await expect(live.run(scheduler)).rejects.toThrow(ContractViolation);

    const stuck = liveScheduler();
    stuck.scheduler.spawn(
      'stuck',
      new WaitQueue(stuck.scheduler, 'godot').waitUntil(() => false),
    );
    await expect(stuck.live.run(stuck.scheduler)).rejects.toThrow('deadlock: stuck waits for godot');
  });

  it('ends with its tasks, not with its daemons', async () => {
    const { scheduler, live } = liveScheduler();
    scheduler.spawn('serves', waitForOutside(scheduler, new Promise(() => undefined), 'a caller'), undefined, 'daemon');
    scheduler.spawn('sleeps', scheduler.sleep(1e6));
    await live.run(scheduler);
    expect(scheduler.now).toBeGreaterThanOrEqual(1e6);
  });

  it('takes the time from the clock that it is given', async () => {
    let time = 5_000;
    const alarms: number[] = [];
    const live = new LiveLoop({
      now: () => time,
      alarm: (nanoseconds, ring) => {
        alarms.push(nanoseconds);
        time += nanoseconds;
        queueMicrotask(ring);
        return () => undefined;
      },
      turn: () => Promise.resolve(),
    });
    const scheduler = new Scheduler(1, undefined, undefined, live);
    scheduler.spawn('sleeps', scheduler.sleep(70));
    await live.run(scheduler);
    expect([alarms, scheduler.now]).toEqual([[70], 70]);
  });

  it('is asked for in the config, without a strategy', () => {
    const config = { ramBytes: 64 * PAGE, swapBytes: 0, oracles: 'on', live: realClock } as const;
    expect(() => new Machine({ ...config, strategy: new SeededStrategy(1) })).toThrow(UsageError);
  });

  it('is what runs tasks that wait outside: run and a direct machine refuse, in one line', async () => {
    const live = machineOf({ live: realClock });
    const watcher = spy();
    attachTo(live, watcher.plugin);
    const { tasks } = watcher.host();
    expect(tasks.live).toBe(true);
    expect(() => run(live, tasks.waitFor(new Promise(() => undefined), 'a peer'))).toThrow(/spawn and runLive/);

    const direct = machineOf();
    const other = spy();
    attachTo(direct, other.plugin);
    expect(other.host().tasks.live).toBe(false);
    expect(() => run(direct, other.host().tasks.waitFor(Promise.resolve(), 'a peer'))).toThrow(
      /^a peer is outside the model/,
    );
    await expect(direct.runLive()).rejects.toThrow(UsageError);
  });
});
