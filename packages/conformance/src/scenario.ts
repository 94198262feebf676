/** A scenario: what happens first, what happens at once, and what must be true afterwards. */
import type { Program } from '@mmu-notifier/checker';
import { ContractViolation, type Process, type Strategy } from '@mmu-notifier/core';
import type { PluginTraits, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { Stage } from './stage.ts';
import type { Observed } from './watch.ts';

/** One of the tasks that run at once, for a process where it is that process's. */
export interface SceneTask {
  readonly name: string;
  readonly routine: Routine<unknown>;
  /** What it does, for a trace: the device's accesses say so themselves. */
  readonly what?: string;
  readonly process?: Process;
}

export interface Scenario {
  /** In the words of the field: what meets what. */
  readonly name: string;
  /** The rule that it is about. */
  readonly group: string;
  /** Why a driver with such traits has no part in it. */
  readonly skip?: (traits: PluginTraits) => string | undefined;
  /** Nothing runs beside it. The device is attached and open unless it says `by itself`. */
  readonly opening?: 'by itself';
  readonly setUp?: (stage: Stage) => Routine<void>;
  readonly tasks: (stage: Stage) => readonly SceneTask[];
  readonly afterwards?: (stage: Stage) => Routine<void>;
}

/** The scenario as a program to explore. */
export function programOf(plugin: () => SecondaryMmuPlugin, scenario: Scenario, seen?: Observed): Program {
  return {
    name: scenario.name,
    run(strategy: Strategy, { explore, tell }) {
      const stage = new Stage(plugin(), { strategy, seen, tell });
      const { machine, process } = stage;
      try {
        machine.run('set up', setUp(stage, scenario), process);
        for (const { name, routine, what, process: owner } of scenario.tasks(stage))
          machine.spawn(name, what === undefined ? routine : told(routine, what, tell), owner);
        explore(() => machine.runAll());
        if (scenario.afterwards !== undefined) machine.run('afterwards', scenario.afterwards(stage), process);
        const outcome = stage.outcome();
        const [violation] = machine.shutdown();
        return violation === undefined ? { outcome } : { outcome, violation };
      } finally {
        machine.close();
      }
    },
  };
}

function* told(routine: Routine<unknown>, what: string, tell: (text: string) => void): Routine<void> {
  tell(what);
  const answer = yield* routine;
  tell(`= ${typeof answer === 'string' ? answer : 'done'}`);
}

function* setUp(stage: Stage, { setUp: prepare, opening }: Scenario): Routine<void> {
  if (opening !== 'by itself') {
    yield* stage.attach();
    yield* stage.map();
    const error = yield* stage.open();
    if (error !== undefined) {
      throw new ContractViolation({
        oracle: 'conformance',
        message: `open: found ${error}, expected the device to mirror the process`,
      });
    }
  }
  if (prepare !== undefined) yield* prepare(stage);
}
