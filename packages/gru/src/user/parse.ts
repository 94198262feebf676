/** Words of a script: numbers, bytes, and instructions made of them. */
import type { Gts } from '../driver/gts.ts';
import type { ControlBlock } from '../hardware/control-block.ts';
import { AMO_OPERATIONS } from '../hardware/instruction.ts';
import type { AmoOperation, ElementSize, Instruction } from '../hardware/instruction.ts';
import { isUserRange } from '../options.ts';

const NUMBER = /^(-?)(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Decimal or hexadecimal, in units of 1024 where a letter says so. */
export function parseNumber(text: string | undefined): number | undefined {
  const match = NUMBER.exec(text ?? '');
  if (match === null) return undefined;
  const [, sign, digits, unit] = match as unknown as readonly [string, string, string, string];
  const value = Number(digits) * (UNITS[unit.toLowerCase()] as number);
  return sign === '-' ? -value : value;
}

export function parseBytes(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || !/^([0-9a-f]{2})+$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What an instruction is, and which part of the data segment has what it loaded. */
export interface Parsed {
  readonly instruction: Instruction;
  readonly answer: { readonly offset: number; readonly length: number } | 'result' | 'none';
}

/**
 * An instruction from its words, its operands in the block's part of the data segment. `undefined` where the words make
 * none, or need more of the data segment than that.
 */
export function parseInstruction(gts: Gts, block: ControlBlock, words: readonly string[]): Parsed | undefined {
  const [verb = '', ...rest] = words;
  if (verb === 'nop') return { instruction: { opcode: 'nop' }, answer: 'none' };
  if (verb === 'amo') return parseAmo(rest);
  const [address, length] = [parseNumber(rest[0]), parseNumber(rest[1])];
  if (address === undefined || !isUserRange(address, 0)) return undefined;
  const { offset: dsr, bytes: room } = gts.dsrOf(block);
  const operand = parseBytes(verb === 'vstore' ? rest[1] : rest[2]);
  switch (verb) {
    case 'vload':
      if (length === undefined || length > room) return undefined;
      return { instruction: { opcode: verb, address, length, dsr }, answer: { offset: dsr, length } };
    case 'vstore':
      // With a length alone, what is there already.
      if (operand === undefined && (length === undefined || length > room)) return undefined;
      if (operand !== undefined && operand.length > room) return undefined;
      if (operand !== undefined) gts.writeSegment(dsr, operand);
      return { instruction: { opcode: verb, address, length: operand?.length ?? Number(length), dsr }, answer: 'none' };
    case 'vset':
      if (length === undefined || operand === undefined) return undefined;
      return { instruction: { opcode: verb, address, length, element: operand }, answer: 'none' };
    case 'bstore':
      if (length === undefined || operand === undefined || operand.length > room) return undefined;
      gts.writeSegment(dsr, operand);
      return { instruction: { opcode: verb, address, length, dsr, bufferBytes: operand.length }, answer: 'none' };
    case 'bcopy': {
      const bytes = parseNumber(rest[2]);
      if (length === undefined || bytes === undefined) return undefined;
      const instruction = { opcode: verb, address, target: length, length: bytes, dsr, bufferBytes: room } as const;
      return { instruction, answer: 'none' };
    }
    case 'gather':
    case 'scatter':
      return parseIndexed(gts, verb, address, length, rest.slice(2), dsr, room);
    default:
      return undefined;
  }
}

/** `gather ADDR SIZE INDEX...`, `scatter ADDR SIZE BYTES INDEX...`: indexes first, then the elements. */
function parseIndexed(
  gts: Gts,
  verb: 'gather' | 'scatter',
  address: number,
  size: number | undefined,
  words: readonly string[],
  indexes: number,
  room: number,
): Parsed | undefined {
  const bytes = verb === 'scatter' ? parseBytes(words[0]) : undefined;
  const numbers = words.slice(verb === 'scatter' ? 1 : 0).map(parseNumber);
  const elements = numbers.length;
  if (size === undefined || ![1, 2, 4, 8, 64].includes(size) || elements * (8 + size) > room) return undefined;
  if (verb === 'scatter' && bytes?.length !== elements * size) return undefined;
  const view = new DataView(new ArrayBuffer(8 * elements));
  for (const [i, index] of numbers.entries()) {
    if (index === undefined) return undefined;
    view.setBigInt64(8 * i, BigInt(index), true);
  }
  gts.writeSegment(indexes, new Uint8Array(view.buffer));
  const dsr = indexes + 8 * elements;
  if (bytes !== undefined) gts.writeSegment(dsr, bytes);
  const opcode = verb === 'gather' ? 'ivload' : 'ivstore';
  return {
    instruction: { opcode, address, elements, elementSize: size as ElementSize, dsr, indexes },
    answer: verb === 'gather' ? { offset: dsr, length: elements * size } : 'none',
  };
}

/** `amo OPERATION ADDR SIZE [OPERAND [COMPARAND]]` */
function parseAmo(words: readonly string[]): Parsed | undefined {
  const [operation = '', ...numbers] = words;
  const [address, size, operand = 0, comparand = 0] = numbers.map(parseNumber);
  if (!Object.hasOwn(AMO_OPERATIONS, operation) || numbers.length > 4 || numbers.map(parseNumber).includes(undefined))
    return undefined;
  if (address === undefined || !isUserRange(address, 0) || (size !== 4 && size !== 8)) return undefined;
  const opcode = AMO_OPERATIONS[operation as AmoOperation];
  return {
    instruction: {
      opcode,
      operation: operation as AmoOperation,
      address,
      size,
      operand: BigInt(operand),
      comparand: BigInt(comparand),
    },
    answer: 'result',
  };
}
