/**
 * Orders that a test decides. The driver announces each step of a drop-in and of an invalidation by name; a strategy lets
 * whoever stands before a step of the plan go on only when it is that step's turn, and everybody else at once.
 */
import type { RunnableTask, Strategy } from '@mmu-notifier/core';
import { definePlugin } from '@mmu-notifier/plugin-api';
import type { Device, PluginHost, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';

/** Steps of a drop-in, as `driver/fault.ts` names them; of an invalidation, as `driver/invalidate.ts` does; the change. */
export const STEPS: Readonly<Record<string, string>> = {
  'gru: read the handle': 'f1',
  'gru: test the count': 'f2',
  'gru: look the page up': 'f3',
  'gru: drop in': 'f4',
  'gru: raise the count': '1',
  'gru: purge': '2',
  'the ptes change': '3',
  'gru: lower the count': '4',
};

export class Planned implements Strategy {
  /** Whether every step came in its turn. */
  feasible = true;
  /** Steps that were made while a plan was on, in order. */
  readonly made: string[] = [];
  private plan: string[] = [];
  private announced: string | undefined;
  private readonly waiting = new Map<number, string>();

  /** The next steps, each once; whatever else there is to do comes before them. */
  arm(plan: readonly string[]): void {
    this.plan = [...plan];
  }

  /** The current task says what it does next. */
  announce(step: string): void {
    this.announced = step;
  }

  pick(runnable: readonly RunnableTask[], last: RunnableTask | undefined): number {
    if (this.announced !== undefined && last !== undefined) this.waiting.set(last.id, this.announced);
    this.announced = undefined;
    const stepOf = ({ id }: RunnableTask): string | undefined => {
      const step = this.waiting.get(id);
      return step !== undefined && this.plan.includes(step) ? step : undefined;
    };
    const free = runnable.findIndex((task) => stepOf(task) === undefined);
    const next = free >= 0 ? free : runnable.findIndex((task) => stepOf(task) === this.plan[0]);
    if (next < 0) {
      // The driver lets nobody make the step that is due: the plan is given up, and all go on as they come.
      this.feasible = false;
      this.plan = [];
      return 0;
    }
    const { id } = runnable[next] as RunnableTask;
    const step = this.waiting.get(id);
    if (step !== undefined) this.made.push(step);
    if (step !== undefined && step === this.plan[0]) this.plan.shift();
    this.waiting.delete(id);
    return next;
  }

  choose(): number {
    return 0;
  }

  /** The same plugin, whose steps this strategy hears of. */
  listenTo(plugin: SecondaryMmuPlugin): SecondaryMmuPlugin {
    return definePlugin({ ...plugin, attach: (host) => plugin.attach(this.listening(host)) });
  }

  /** A device that does nothing but stand between start and the change of the ptes. Attach and open it first. */
  gatekeeper(plugin: SecondaryMmuPlugin): SecondaryMmuPlugin {
    const { traits } = plugin;
    return this.listenTo(
      definePlugin({
        name: 'gatekeeper',
        api: '^1.0.0',
        traits: { ...traits, callbacks: { invalidateRangeStart: 'sleepable' } },
        *attach(host): Routine<Device> {
          return gatekeeper(host);
        },
      }),
    );
  }

  private listening(host: PluginHost): PluginHost {
    const { sync } = host;
    const announce = (name: string): void => this.announce(STEPS[name] as string);
    const preempt = function* (name: string): Routine<void> {
      if (STEPS[name] !== undefined) announce(name);
      yield* sync.preempt(name);
    };
    return { ...host, sync: Object.create(sync, { preempt: { value: preempt } }) as typeof sync };
  }
}

function gatekeeper(host: PluginHost): Device {
  return {
    *open({ mm }) {
      if (mm === undefined) return 'ESRCH';
      const subscription = yield* host.notifiers.register(mm, {
        *invalidateRangeStart() {
          yield* host.sync.preempt('the ptes change');
          return 'done';
        },
      });
      return typeof subscription === 'string' ? subscription : undefined;
    },
    *access() {
      return 'EIO';
    },
    *close() {},
    *detach() {},
    *translations() {},
  };
}
