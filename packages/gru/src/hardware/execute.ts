/**
 * The execution unit: one step of the instruction in a register. A step moves what lies in one page, or one element, and
 * is atomic; between two steps a purge may come. A step that the TLB cannot serve is a miss, and is made again when the
 * fault handle restarts the block.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { LedgerEntry, LedgerService } from '@mmu-notifier/plugin-api';
import type { Cbr } from './cbr.ts';
import type { Cch } from './cch.ts';
import type { Chiplet } from './chiplet.ts';
import type { ControlBlock } from './control-block.ts';
import { amoResult, refusal } from './instruction.ts';
import type { Instruction } from './instruction.ts';
import { FaultCause } from './tfh.ts';

type Of<O extends Instruction['opcode']> = Extract<Instruction, { opcode: O }>;

export class ExecutionUnit {
  private readonly chiplet: Chiplet;
  private readonly ledger: LedgerService;
  private readonly word = new DataView(new ArrayBuffer(8));
  private readonly scratch: Uint8Array = new Uint8Array(this.word.buffer);

  constructor(chiplet: Chiplet, ledger: LedgerService) {
    this.chiplet = chiplet;
    this.ledger = ledger;
  }

  /** One step of an active block of a running context. @sleeps Never. */
  step(cch: Cch, cbr: Cbr): void {
    this.chiplet.state.reads();
    cch.view?.pull(cch.dsr);
    this.execute(cch, cbr);
    cch.view?.push(cch.dsr);
  }

  private execute(cch: Cch, cbr: Cbr): void {
    const block = cbr.block as ControlBlock;
    const instruction = block.instruction as Instruction;
    if (block.done === 0 && block.staged === 0) {
      const cause = refusal(instruction, cch.dsr.length);
      if (cause !== 0) {
        block.fail(cause, 'address' in instruction ? instruction.address : 0);
        return;
      }
    }
    switch (instruction.opcode) {
      case 'nop':
        block.become('IDLE');
        break;
      case 'vload':
      case 'vstore':
        this.vector(cch, cbr, block, instruction);
        break;
      case 'vset':
        this.set(cch, cbr, block, instruction.address, instruction.length, instruction.element);
        break;
      case 'bstore': {
        const { address, length, dsr, bufferBytes } = instruction;
        this.set(cch, cbr, block, address, length, cch.dsr.subarray(dsr, dsr + bufferBytes));
        break;
      }
      case 'bcopy':
        this.copy(cch, cbr, block, instruction);
        break;
      case 'ivload':
      case 'ivstore':
        this.indexed(cch, cbr, block, instruction);
        break;
      case 'gamir':
      case 'gamer':
      case 'gamxr':
        this.atomic(cch, cbr, block, instruction);
        break;
    }
  }

  /** What the TLB has for an access; a miss stops the block. */
  private translate(cch: Cch, cbr: Cbr, address: number, kind: 'load' | 'store'): LedgerEntry | -1 {
    const page = Math.floor(address / PAGE_SIZE);
    const entry = this.chiplet.tlb.probe(cch.asid, page, kind);
    if (entry !== -1) return entry;
    const cause = kind === 'store' ? FaultCause.TlbMod : FaultCause.TlbMiss;
    const polling = cch.missMode === 'user-polling';
    cbr.tfh.raise(polling ? 'MISS_UPM' : 'MISS_FMM', cause, address, cch.asid);
    if (!polling) this.chiplet.announce(cbr);
    return -1;
  }

  private vector(cch: Cch, cbr: Cbr, block: ControlBlock, it: Of<'vload' | 'vstore'>): void {
    const address = it.address + block.done;
    const length = inPage(address, it.length - block.done);
    const kind = it.opcode === 'vload' ? 'load' : 'store';
    const entry = this.translate(cch, cbr, address, kind);
    if (entry === -1) return;
    this.ledger[kind](entry, address % PAGE_SIZE, length, cch.dsr, it.dsr + block.done);
    advance(block, length, it.length);
  }

  private set(cch: Cch, cbr: Cbr, block: ControlBlock, to: number, bytes: number, pattern: Uint8Array): void {
    const address = to + block.done;
    const length = inPage(address, bytes - block.done);
    const entry = this.translate(cch, cbr, address, 'store');
    if (entry === -1) return;
    const data = new Uint8Array(length);
    for (let i = 0; i < length; i++) data[i] = pattern[(block.done + i) % pattern.length] as number;
    this.ledger.store(entry, address % PAGE_SIZE, length, data, 0);
    advance(block, length, bytes);
  }

  /** Reads into the buffer, or stores what is in it: never both in one step. */
  private copy(cch: Cch, cbr: Cbr, block: ControlBlock, it: Of<'bcopy'>): void {
    const from = it.address + block.done;
    const to = it.target + block.done;
    if (block.staged === 0) {
      const wanted = Math.min(it.length - block.done, it.bufferBytes);
      const length = Math.min(inPage(from, wanted), inPage(to, wanted));
      const entry = this.translate(cch, cbr, from, 'load');
      if (entry === -1) return;
      this.ledger.load(entry, from % PAGE_SIZE, length, cch.dsr, it.dsr);
      block.staged = length;
      return;
    }
    const entry = this.translate(cch, cbr, to, 'store');
    if (entry === -1) return;
    const length = block.staged;
    this.ledger.store(entry, to % PAGE_SIZE, length, cch.dsr, it.dsr);
    block.staged = 0;
    advance(block, length, it.length);
  }

  private indexed(cch: Cch, cbr: Cbr, block: ControlBlock, it: Of<'ivload' | 'ivstore'>): void {
    const { elementSize, elements } = it;
    const { buffer, byteOffset } = cch.dsr;
    const index = new DataView(buffer, byteOffset).getBigInt64(it.indexes + 8 * block.done, true);
    const address = it.address + Number(index) * elementSize;
    const kind = it.opcode === 'ivload' ? 'load' : 'store';
    const entry = this.translate(cch, cbr, address, kind);
    if (entry === -1) return;
    this.ledger[kind](entry, address % PAGE_SIZE, elementSize, cch.dsr, it.dsr + elementSize * block.done);
    advance(block, 1, elements);
  }

  private atomic(cch: Cch, cbr: Cbr, block: ControlBlock, it: Of<'gamir' | 'gamer' | 'gamxr'>): void {
    const { operation, address, size } = it;
    const kind = operation === 'fetch' ? 'load' : 'store';
    const entry = this.translate(cch, cbr, address, kind);
    if (entry === -1) return;
    const { word, scratch } = this;
    this.ledger.load(entry, address % PAGE_SIZE, size, scratch, 0);
    const bits = size * 8;
    const before = size === 4 ? BigInt(word.getUint32(0, true)) : word.getBigUint64(0, true);
    block.result = before;
    if (kind === 'store') {
      const after = BigInt.asUintN(bits, amoResult(operation, before, it.operand, it.comparand));
      if (size === 4) word.setUint32(0, Number(after), true);
      else word.setBigUint64(0, after, true);
      this.ledger.store(entry, address % PAGE_SIZE, size, scratch, 0);
    }
    advance(block, 1, 1);
  }
}

/** As much of `length` bytes as lies in the page of `address`. */
function inPage(address: number, length: number): number {
  return Math.min(length, PAGE_SIZE - (address % PAGE_SIZE));
}

function advance(block: ControlBlock, by: number, of: number): void {
  block.done += by;
  if (block.done >= of) block.become('IDLE');
}
