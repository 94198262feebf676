/** Arguments of what a device or the machine does: `machine attach kvm0 kvm p1 {"mode":"tdp"}`. */
import type { DeviceActor, EventBase, MachineActor } from '../event.ts';
import type { AttachEvent, DeviceEvent, JsonValue, MachineEvent } from '../machine-event.ts';
import type { LineReader, Word } from './line-reader.ts';
import { jsonEnd } from './json-end.ts';
import { accessSize, fileName, storeData } from './parse-process-event.ts';
import { MACHINE_VERBS } from './vocabulary.ts';

/** Reads the arguments of a device's verb; a verb that is not ours is an action of its plugin. */
export function parseDeviceEvent(
  reader: LineReader,
  prefix: EventBase & { actor: DeviceActor },
  verb: Word,
): DeviceEvent {
  switch (verb.text) {
    case 'load':
      return { ...prefix, verb: 'load', address: reader.operand('an address'), size: accessSize(reader) };
    case 'store':
      return { ...prefix, verb: 'store', address: reader.operand('an address'), ...storeData(reader) };
    case 'translations':
      return { ...prefix, verb: 'translations' };
    default: {
      const words = [];
      for (let word = reader.optional(); word !== undefined; word = reader.optional()) {
        words.push(word.text.startsWith('$') ? reader.reference(word) : word.text);
      }
      return { ...prefix, verb: 'action', action: verb.text, arguments: words };
    }
  }
}

/** Reads the arguments of a verb of the machine. */
export function parseMachineEvent(
  reader: LineReader,
  prefix: EventBase & { actor: MachineActor },
  verb: Word,
): MachineEvent {
  switch (verb.text) {
    case 'file': {
      const base = {
        ...prefix,
        verb: 'file' as const,
        file: fileName(reader, 'a file name'),
        length: reader.number('a length'),
      };
      const word = reader.peek();
      if (word === undefined || word.text === '=' || word.text === '->') return base;
      const data = reader.bytes('bytes');
      return data.length <= base.length ? { ...base, data } : reader.fail(word, `at most ${base.length} bytes`);
    }
    case 'truncate':
      return { ...prefix, verb: 'truncate', file: fileName(reader, 'a file name'), length: reader.number('a length') };
    case 'write': {
      const file = fileName(reader, 'a file name');
      return { ...prefix, verb: 'write', file, offset: reader.number('an offset'), data: reader.bytes('bytes') };
    }
    case 'sync':
      return { ...prefix, verb: 'sync', file: fileName(reader, 'a file name') };
    case 'attach':
      return parseAttach(reader, prefix);
    case 'detach':
      return { ...prefix, verb: 'detach', device: reader.name('the name of a device') };
    default:
      return parseWork(reader, prefix, verb);
  }
}

/** Work that goes on in the background, made to happen now, and questions. */
function parseWork(reader: LineReader, prefix: EventBase & { actor: MachineActor }, verb: Word): MachineEvent {
  switch (verb.text) {
    case 'reclaim':
      return { ...prefix, verb: 'reclaim', pages: reader.number('a number of pages') };
    case 'migrate': {
      const process = reader.process();
      return {
        ...prefix,
        verb: 'migrate',
        process,
        address: reader.operand('an address'),
        length: reader.number('a length'),
      };
    }
    case 'collapse':
    case 'split':
    case 'poison':
      return { ...prefix, verb: verb.text, process: reader.process(), address: reader.operand('an address') };
    case 'oom':
      return { ...prefix, verb: 'oom', process: reader.process() };
    case 'compact':
    case 'ksm':
    case 'stats':
    case 'check':
      return { ...prefix, verb: verb.text };
    default:
      return reader.fail(verb, `a verb of the machine: ${MACHINE_VERBS.join(', ')}`);
  }
}

function parseAttach(reader: LineReader, prefix: EventBase & { actor: MachineActor }): AttachEvent {
  const device = reader.name('a name for the device');
  const plugin = reader.argument('a plugin').text;
  const base = { ...prefix, verb: 'attach' as const, device, plugin, process: reader.process() };
  const word = reader.peek();
  if (word === undefined || word.text === '=' || word.text === '->') return base;
  const end = jsonEnd(reader.text, word.column - 1);
  const text = reader.text.slice(word.column - 1, end);
  try {
    const options = JSON.parse(text) as JsonValue;
    reader.skipTo(end + 1);
    return { ...base, options };
  } catch {
    return reader.fail({ text, column: word.column }, 'options of the plugin as JSON, or the end of the line');
  }
}
