/** Rules of this driver's own code. Breaking one is a bug in it, not something that a process can do. */

/** The current task must hold `lock`. */
export function assertHeld(lock: { readonly held: boolean }, name: string): void {
  if (!lock.held) throw new Error(`gru: ${name} must be held here`);
}
