/** Runs the events whose actor is the machine: files, devices coming and going, background work, questions. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { AttachEvent, FileEvent, MachineEvent } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { DONE, type Outcome, answer, errno } from './outcome.ts';
import type { World } from './world.ts';

export function* runMachineEvent(world: World, event: MachineEvent): Routine<Outcome> {
  switch (event.verb) {
    case 'attach':
      return yield* attach(world, event);
    case 'detach':
      return yield* detach(world, event.device);
    case 'file':
      return createFile(world, event);
    case 'truncate':
    case 'write':
    case 'sync':
      return yield* changeFile(world, event);
    case 'reclaim':
      yield* world.machine.reclaim(event.pages);
      return DONE;
    case 'oom': {
      const victim = world.process(event.process);
      if (victim === undefined) return errno('ESRCH');
      // What the reaper had to leave is a driver's doing: worth a line.
      return (yield* world.machine.oom(victim)) ? DONE : errno('EAGAIN');
    }
    case 'stats':
      return answer(world.machine.stats());
    case 'check':
      return answer(world.machine.check());
    default:
      // What core does not have was refused before anything ran.
      throw new Error(`no way to run machine ${event.verb}`);
  }
}

/** A device that is there already is opened for one more process. */
function* attach(world: World, event: AttachEvent): Routine<Outcome> {
  const process = world.process(event.process);
  if (process === undefined) return errno('ESRCH');
  const known = world.devices.get(event.device);
  if (known !== undefined) {
    if (known.plugin !== event.plugin) return errno('EEXIST');
    const refused = yield* known.device.open(process.handle);
    return refused === undefined ? DONE : errno(refused);
  }
  const loaded = world.plugins.get(event.plugin);
  if (loaded === undefined) throw new InputError(`line ${event.line}: the driver ${event.plugin} was not loaded`);
  const device = yield* world.machine.attach(event.device, loaded.create(event.options));
  const refused = yield* device.open(process.handle);
  if (refused !== undefined) {
    yield* world.machine.detach(event.device);
    return errno(refused);
  }
  world.devices.set(event.device, { device, plugin: event.plugin, process });
  return DONE;
}

function* detach(world: World, name: string): Routine<Outcome> {
  if (!world.devices.delete(name)) return errno('ENODEV');
  yield* world.machine.detach(name);
  return DONE;
}

function createFile({ machine }: World, { file, length, data }: FileEvent): Outcome {
  if (machine.files.get(file) !== undefined) return errno('EEXIST');
  machine.files.create(file, length, data);
  return DONE;
}

type FileChange = Extract<MachineEvent, { verb: 'truncate' | 'write' | 'sync' }>;

function* changeFile({ machine }: World, event: FileChange): Routine<Outcome> {
  if (machine.files.get(event.file) === undefined) return errno('ENOENT');
  if (event.verb === 'truncate') yield* machine.files.truncate(event.file, event.length);
  else if (event.verb === 'write') yield* machine.files.write(event.file, event.offset, event.data);
  else yield* machine.files.sync(event.file);
  return DONE;
}
