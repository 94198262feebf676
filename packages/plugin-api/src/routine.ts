/**
 * What may sleep or be preempted is a routine: a generator that the machine's scheduler drives. `yield*` marks every
 * place where the world may change; a plain function is one atomic step.
 */

/**
 * What the next step of a task touches: `object * 32 + kind`. Opaque to drivers; they pass it on by `yield*`.
 * @public
 */
export type PreemptionPoint = number;

/** Code that may sleep or be preempted at its yields, and nowhere else. @public */
export type Routine<T> = Generator<PreemptionPoint, T, void>;
