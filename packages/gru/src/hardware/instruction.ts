/**
 * The instructions, with the operands that matter to memory. Addresses are the process's own; `dsr` is an offset in the
 * context's data segment. An instruction that misses goes on, when it is restarted, behind what it has finished.
 */
import { Cause } from './cause.ts';

/** Bytes of one element: byte, short, word, double word, cache line. */
export type ElementSize = 1 | 2 | 4 | 8 | 64;

/** Operations of atomics: implicit operand (GAMIR), one operand (GAMER), two (GAMXR). */
export const AMO_OPERATIONS = {
  fetch: 'gamir',
  clear: 'gamir',
  inc: 'gamir',
  dec: 'gamir',
  swap: 'gamer',
  or: 'gamer',
  and: 'gamer',
  xor: 'gamer',
  add: 'gamer',
  cswap: 'gamxr',
} as const;

export type AmoOperation = keyof typeof AMO_OPERATIONS;

export type Instruction =
  | { readonly opcode: 'nop' }
  /** Memory to data segment, and back. */
  | { readonly opcode: 'vload' | 'vstore'; readonly address: number; readonly length: number; readonly dsr: number }
  /** The same element again and again. */
  | { readonly opcode: 'vset'; readonly address: number; readonly length: number; readonly element: Uint8Array }
  /** Memory to memory, through a buffer in the data segment. */
  | {
      readonly opcode: 'bcopy';
      readonly address: number;
      readonly target: number;
      readonly length: number;
      readonly dsr: number;
      readonly bufferBytes: number;
    }
  /** A block of the data segment to memory, again and again until `length` bytes are filled. */
  | {
      readonly opcode: 'bstore';
      readonly address: number;
      readonly length: number;
      readonly dsr: number;
      readonly bufferBytes: number;
    }
  /** Gather and scatter: element `i` is at `address` plus the 64-bit index `i`, which counts elements. */
  | {
      readonly opcode: 'ivload' | 'ivstore';
      readonly address: number;
      readonly elements: number;
      readonly elementSize: ElementSize;
      readonly dsr: number;
      readonly indexes: number;
    }
  /** One atomic operation on 4 or 8 bytes. */
  | {
      readonly opcode: 'gamir' | 'gamer' | 'gamxr';
      readonly operation: AmoOperation;
      readonly address: number;
      readonly size: 4 | 8;
      readonly operand: bigint;
      readonly comparand: bigint;
    };

/** Why hardware refuses an instruction before it touches memory; 0 if it does not. */
export function refusal(instruction: Instruction, dsrBytes: number): number {
  switch (instruction.opcode) {
    case 'nop':
      return 0;
    case 'vload':
    case 'vstore':
      return instruction.length < 1 ? Cause.InvalidInstruction : inside(instruction.dsr, instruction.length, dsrBytes);
    case 'vset':
      return instruction.length < 1 || instruction.element.length === 0 ? Cause.InvalidInstruction : 0;
    case 'bcopy':
    case 'bstore':
      return instruction.length < 1 || instruction.bufferBytes < 1
        ? Cause.InvalidInstruction
        : inside(instruction.dsr, instruction.bufferBytes, dsrBytes);
    case 'ivload':
    case 'ivstore': {
      const { address, elements, elementSize, dsr, indexes } = instruction;
      if (elements < 1 || address % elementSize !== 0) return Cause.InvalidInstruction;
      return inside(dsr, elements * elementSize, dsrBytes) | inside(indexes, elements * 8, dsrBytes);
    }
    case 'gamir':
    case 'gamer':
    case 'gamxr': {
      const { address, size, operation, opcode } = instruction;
      return address % size !== 0 || AMO_OPERATIONS[operation] !== opcode ? Cause.InvalidInstruction : 0;
    }
  }
}

function inside(offset: number, length: number, dsrBytes: number): number {
  return offset < 0 || offset + length > dsrBytes ? Cause.DataSegmentLimit : 0;
}

/** What an atomic operation leaves in memory, in `size` bytes. */
export function amoResult(operation: AmoOperation, before: bigint, operand: bigint, comparand: bigint): bigint {
  switch (operation) {
    case 'fetch':
      return before;
    case 'clear':
      return 0n;
    case 'inc':
      return before + 1n;
    case 'dec':
      return before - 1n;
    case 'swap':
      return operand;
    case 'or':
      return before | operand;
    case 'and':
      return before & operand;
    case 'xor':
      return before ^ operand;
    case 'add':
      return before + operand;
    case 'cswap':
      return before === comparand ? operand : before;
  }
}
