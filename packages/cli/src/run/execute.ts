/** One event of a script on one machine: whoever its actor is, run it, bind its result, say how it went. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { MmEvent } from '@mmu-notifier/trace';
import { runDeviceEvent } from './device-verbs.ts';
import { runMachineEvent } from './machine-verbs.ts';
import type { Outcome } from './outcome.ts';
import { runProcessEvent } from './process-verbs.ts';
import type { World } from './world.ts';

/** @sleeps As the event does. */
export function* execute(world: World, event: MmEvent): Routine<Outcome> {
  const outcome = yield* dispatch(world, event);
  if (event.binding !== undefined) world.bindings.bind(event.binding, outcome.value);
  return outcome;
}

function dispatch(world: World, event: MmEvent): Routine<Outcome> {
  if (isProcessEvent(event)) return runProcessEvent(world, event);
  return isDeviceEvent(event) ? runDeviceEvent(world, event) : runMachineEvent(world, event);
}

type ProcessEvents = Extract<MmEvent, { actor: { kind: 'process' } }>;
type DeviceEvents = Extract<MmEvent, { actor: { kind: 'device' } }>;
type MachineEvents = Extract<MmEvent, { actor: { kind: 'machine' } }>;

function isProcessEvent(event: MmEvent): event is ProcessEvents {
  return event.actor.kind === 'process';
}

function isDeviceEvent(event: Exclude<MmEvent, ProcessEvents>): event is Exclude<DeviceEvents, MachineEvents> {
  return event.actor.kind === 'device';
}
