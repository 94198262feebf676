/** Runs the events whose actor is a device. */
import type { Process } from '@mmu-notifier/core';
import { type Routine, isErrno } from '@mmu-notifier/plugin-api';
import { isReference } from '@mmu-notifier/trace';
import type { DeviceEvent, DeviceLoadEvent, DeviceStoreEvent } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { hex } from '../sizes.ts';
import { MAP_FAILED } from './bindings.ts';
import { DONE, type Outcome, answer, bytes, deviceExit, errno, words } from './outcome.ts';
import { storePattern } from './pattern.ts';
import type { AttachedDevice, World } from './world.ts';

/** @throws InputError for an action that the device does not have: only the attached device knows them. */
export function* runDeviceEvent(world: World, event: DeviceEvent): Routine<Outcome> {
  const attached = world.devices.get(event.actor.name);
  if (attached === undefined) return errno('ENODEV');
  switch (event.verb) {
    case 'load':
    case 'store':
      return yield* access(world, attached, event);
    case 'translations':
      return answer(translations(attached));
    case 'action':
      return yield* action(world, attached, event);
  }
}

function* access(world: World, attached: AttachedDevice, event: DeviceLoadEvent | DeviceStoreEvent): Routine<Outcome> {
  const address = world.bindings.address(event.address);
  if (address === MAP_FAILED) return errno('EFAULT');
  const data =
    event.verb === 'load' ? new Uint8Array(event.size) : (event.data ?? storePattern(event.line, event.size));
  const { device, process } = attached;
  const result = yield* device.access({ process: process.handle, space: 'process', address, kind: event.verb, data });
  if (result === 'done') return event.verb === 'load' ? bytes(data) : DONE;
  return typeof result === 'string' ? errno(result) : deviceExit(result.exit);
}

function translations({ device }: AttachedDevice): unknown[] {
  return [...device.translations()].map(({ address, pfn, writable }) => ({ address: hex(address), pfn, writable }));
}

function* action(
  world: World,
  attached: AttachedDevice,
  event: Extract<DeviceEvent, { verb: 'action' }>,
): Routine<Outcome> {
  const { actions } = attached.device;
  const run = actions !== undefined && Object.hasOwn(actions, event.action) ? actions[event.action] : undefined;
  if (run === undefined) {
    const known = ['load', 'store', 'translations', ...Object.keys(actions ?? {})].join(', ');
    throw new InputError(
      `line ${event.line}: found "${event.action}", expected a verb of ${event.actor.name}: ${known}`,
    );
  }
  const { process, words: rest } = actorOf(world, attached, event.arguments);
  if (process === undefined) return errno('ESRCH');
  const given: string[] = [];
  for (const word of rest) {
    if (typeof word === 'string') {
      given.push(word);
      continue;
    }
    const address = isReference(word) ? world.bindings.address(word) : MAP_FAILED;
    if (address === MAP_FAILED) return errno('EINVAL');
    given.push(hex(address));
  }
  const result = yield* run(process.handle, given);
  if (result === undefined) return DONE;
  return isErrno(result) ? errno(result) : words(result);
}

type ActionWords = Extract<DeviceEvent, { verb: 'action' }>['arguments'];

/** A last word `as=p2` says which process of the device acts; the one that it was attached to unless given. */
function actorOf(
  world: World,
  { process }: AttachedDevice,
  words: ActionWords,
): { process: Process | undefined; words: ActionWords } {
  const last = words.at(-1);
  const [, name] = typeof last === 'string' ? (/^as=\$?([A-Za-z_][A-Za-z0-9_]*)$/.exec(last) ?? []) : [];
  return name === undefined ? { process, words } : { process: world.process(name), words: words.slice(0, -1) };
}
