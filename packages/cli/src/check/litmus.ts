/** A script with tasks as a program to be explored: a fresh machine for each run. */
import { Machine, MemorySwapDevice } from '@mmu-notifier/core';
import type { Program } from '@mmu-notifier/checker';
import type { Script } from '@mmu-notifier/trace';
import type { LoadedPlugin } from '../plugins.ts';
import { type RunOptions, machineConfig } from '../run/options.ts';
import { ScriptRun } from '../run/script-run.ts';

export function litmus(script: Script, options: RunOptions, plugins: ReadonlyMap<string, LoadedPlugin>): Program {
  return {
    name: script.file,
    run(strategy, explore) {
      const machine = new Machine({ ...machineConfig(options), swapDevice: new MemorySwapDevice(), strategy });
      try {
        const steps = new ScriptRun(script, machine, plugins, () => undefined, explore).run();
        for (;;) {
          const { done, value } = steps.next();
          if (done) return value;
        }
      } finally {
        machine.close();
      }
    },
  };
}
