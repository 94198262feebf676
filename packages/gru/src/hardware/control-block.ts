/**
 * A control block (CB): where a process writes an instruction, and where hardware says what became of it. The block is
 * the process's; it sits in a control block register while its context is loaded, and is an image in memory otherwise.
 */
import type { SharedState } from '@mmu-notifier/plugin-api';
import type { Instruction } from './instruction.ts';

/** `istatus`. In `CALL_OS` hardware waits for the process to ask the driver. */
export type InstructionStatus = 'IDLE' | 'EXCEPTION' | 'ACTIVE' | 'CALL_OS';

/** What went wrong, and where. */
export interface Exception {
  /** Bits of `Cause`. */
  readonly cause: number;
  readonly opcode: Instruction['opcode'];
  /** The address that faulted, or the instruction's own. */
  readonly address: number;
}

export class ControlBlock {
  readonly number: number;
  private status: InstructionStatus = 'IDLE';
  instruction: Instruction | undefined;
  /** Bytes, or elements, that are finished: where the instruction goes on after a miss. */
  done = 0;
  /** Bytes of a BCOPY that were read into the buffer and not stored yet. */
  staged = 0;
  /** What an atomic operation found. */
  result = 0n;
  exception: Exception | undefined;
  private taken = false;
  private alone = false;
  /** Told of every change that a process which polls the block would see. */
  private readonly changed: () => void;
  /** Of the context. */
  private readonly shared: SharedState;

  constructor(number: number, shared: SharedState, changed: () => void) {
    this.number = number;
    this.shared = shared;
    this.changed = changed;
  }

  get istatus(): InstructionStatus {
    this.shared.reads();
    return this.status;
  }

  /** Somebody of the process uses it. */
  get claimed(): boolean {
    this.shared.reads();
    return this.taken;
  }

  set claimed(claimed: boolean) {
    this.shared.changes();
    this.taken = claimed;
  }

  /** Runs by itself: nobody waits for it. */
  get asynchronous(): boolean {
    this.shared.reads();
    return this.alone;
  }

  set asynchronous(asynchronous: boolean) {
    this.shared.changes();
    this.alone = asynchronous;
  }

  issue(instruction: Instruction): void {
    this.instruction = instruction;
    this.done = 0;
    this.staged = 0;
    this.exception = undefined;
    this.become('ACTIVE');
  }

  become(istatus: InstructionStatus): void {
    this.shared.changes();
    this.status = istatus;
    this.changed();
  }

  /** The instruction ends here, and what it has done stays done. */
  fail(cause: number, address: number): void {
    const { opcode } = this.instruction as Instruction;
    this.exception = { cause, opcode, address };
    this.become('EXCEPTION');
  }
}
