/** Writes events of the event language; what comes out parses back to the same objects. */
import type { AccessKind } from '../event-sink.ts';
import type { MmEvent, Operand, ProcessEvent } from '../event.ts';
import { isReference } from '../event.ts';
import type { DeviceEvent, MachineEvent } from '../machine-event.ts';
import type { RecordedValue, WordsValue } from '../value.ts';
import { hex, printBytes } from './number.ts';

/**
 * One line of the event language, without its end.
 *
 * @public
 */
export function printEvent(event: MmEvent): string {
  const words: string[] = [];
  if (event.task !== undefined) words.push(`@${event.task}`);
  words.push(event.actor.kind === 'machine' ? 'machine' : event.actor.name);
  if (event.actor.kind === 'process') words.push(...printProcessEvent(event as ProcessEvent));
  else if (event.actor.kind === 'device') words.push(...printDeviceEvent(event as DeviceEvent));
  else words.push(...printMachineEvent(event as MachineEvent));
  if (event.recorded !== undefined) words.push('=', printValue(event.recorded));
  if (event.binding !== undefined) words.push('->', event.binding);
  return words.join(' ');
}

const ACCESS_VERBS: readonly string[] = ['fetch', 'load', 'store', 'modify', 'store'];

/**
 * One access as a line of the event language; what the kernel stored becomes a store of the process.
 *
 * @public
 */
export function printAccess(process: number, kind: AccessKind, address: number, size: number): string {
  const verb = ACCESS_VERBS[kind] ?? 'load';
  return `p${process} ${verb} ${hex(address)} ${verb === 'store' ? hex(size) : size}`;
}

/** A number in hexadecimal, or `$name+0x1000`. */
export function printOperand(operand: Operand): string {
  if (!isReference(operand)) return hex(operand);
  if (operand.offset === 0) return `$${operand.name}`;
  return `$${operand.name}${operand.offset < 0 ? '-' : '+'}${hex(Math.abs(operand.offset))}`;
}

/** A value as `= VALUE` and verdicts write it. */
export function printValue(value: RecordedValue | WordsValue): string {
  if (value.kind === 'bytes') return value.hex;
  if (value.kind === 'words') return `"${value.text}"`;
  return value.kind === 'number' ? hex(value.value) : value.name;
}

/** Bytes, or a size: in hexadecimal, since decimal digits of an even number would be bytes. */
function printStored(event: { readonly size: number; readonly data?: Uint8Array }): string {
  return event.data === undefined ? hex(event.size) : printBytes(event.data);
}

function printList(words: readonly string[]): string {
  return words.length === 0 ? '-' : words.join(',');
}

function printProcessEvent(event: ProcessEvent): string[] {
  switch (event.verb) {
    case 'load':
    case 'modify':
    case 'fetch':
      return [event.verb, printOperand(event.address), String(event.size)];
    case 'store':
      return ['store', printOperand(event.address), printStored(event)];
    case 'brk':
      return ['brk', printOperand(event.address)];
    case 'exit':
      return event.status === undefined ? ['exit'] : ['exit', String(event.status)];
    case 'fork':
    case 'vfork':
    case 'exec':
    case 'signal':
    case 'maps':
    case 'rss':
      return [event.verb];
    case 'mremap': {
      const words = [
        'mremap',
        printOperand(event.address),
        hex(event.oldLength),
        hex(event.newLength),
        printList(event.flags),
      ];
      if (event.newAddress !== undefined) words.push(printOperand(event.newAddress));
      return words;
    }
    default:
      return [event.verb, printOperand(event.address), hex(event.length), ...printRangeArguments(event)];
  }
}

function printRangeArguments(event: Extract<ProcessEvent, { readonly length: number }>): string[] {
  switch (event.verb) {
    case 'mmap': {
      const words = [event.protection, printList(event.flags)];
      if (event.file !== undefined) words.push(event.file, hex(event.offset ?? 0));
      return words;
    }
    case 'mprotect':
      return [event.protection];
    case 'madvise':
      return [event.advice];
    case 'msync':
      return [printList(event.flags)];
    default:
      return [];
  }
}

function printDeviceEvent(event: DeviceEvent): string[] {
  switch (event.verb) {
    case 'load':
      return ['load', printOperand(event.address), String(event.size)];
    case 'store':
      return ['store', printOperand(event.address), printStored(event)];
    case 'translations':
      return ['translations'];
    case 'action':
      return [event.action, ...event.arguments.map((word) => (typeof word === 'string' ? word : printOperand(word)))];
  }
}

function printMachineEvent(event: MachineEvent): string[] {
  switch (event.verb) {
    case 'file':
      return ['file', event.file, hex(event.length), ...(event.data === undefined ? [] : [printBytes(event.data)])];
    case 'truncate':
      return ['truncate', event.file, hex(event.length)];
    case 'write':
      return ['write', event.file, hex(event.offset), printBytes(event.data)];
    case 'sync':
      return ['sync', event.file];
    case 'attach': {
      const words = ['attach', event.device, event.plugin, event.process];
      if (event.options !== undefined) words.push(JSON.stringify(event.options));
      return words;
    }
    case 'detach':
      return ['detach', event.device];
    case 'reclaim':
      return ['reclaim', String(event.pages)];
    case 'migrate':
      return ['migrate', event.process, printOperand(event.address), hex(event.length)];
    case 'collapse':
    case 'split':
    case 'poison':
      return [event.verb, event.process, printOperand(event.address)];
    case 'oom':
      return ['oom', event.process];
    default:
      return [event.verb];
  }
}
