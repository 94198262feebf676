/** What a broken rule looks like: an object for reports, thrown so that nothing continues on a broken world. */

/** One finding of an oracle. @public */
export interface Violation {
  /** Which rule: `use-after-free`, `stale-translation`, `sleep-in-atomic`, … */
  readonly oracle: string;
  /** One line for a person, with addresses, pfns and names. */
  readonly message: string;
  /** The task that was running. */
  readonly task?: string;
  /** Every live task and what it was about to do. */
  readonly tasks?: readonly { readonly name: string; readonly at: string }[];
  /** Names of the tasks in the order in which they ran, run lengths joined: `fault*12`. */
  readonly schedule?: readonly string[];
  readonly seed?: number;
  readonly details?: Readonly<Record<string, number | string | boolean>>;
}

/** A rule of the machine or of the contract is broken. Core never catches it. @public */
export class ContractViolation extends Error {
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(`${violation.oracle}: ${violation.message}`);
    this.name = 'ContractViolation';
    this.violation = violation;
  }
}

/** Misuse of the API by a plugin or a user: what was found, what was expected. @public */
export class UsageError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'UsageError';
    this.code = code;
  }
}

/** A state that the model itself must never reach. */
export function assert(condition: boolean, rule: string, subject?: unknown): asserts condition {
  if (!condition) {
    const message = subject === undefined ? rule : `${rule} (found ${String(subject)})`;
    throw new ContractViolation({ oracle: 'model-invariant', message });
  }
}

/** Addresses in messages. */
export function hex(n: number): string {
  return `0x${n.toString(16)}`;
}
