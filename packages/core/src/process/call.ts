/** What every call of a process does first and last. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../machine-api.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { asProcess } from './process.ts';

/**
 * Runs a call of `process` on the current task. What throws inside leaves the address space with a user too many: the
 * words of a call are looked at before.
 *
 * @sleeps May, also where the call does not: it may be the last user of the address space.
 * @returns what the call answers. Where nobody is left to make it nothing is done: ESRCH when the process has exited, EINTR
 *   while another task of it waits in exec for the end of all others.
 */
export function* callOf<T>(
  kernel: Kernel,
  process: Process,
  call: (mm: MmStruct) => Routine<T>,
): Routine<T | 'ESRCH' | 'EINTR'> {
  const { mm, inFlight } = asProcess(process);
  if (mm === undefined) return 'ESRCH';
  if (inFlight.execing) return 'EINTR';
  inFlight.enter(mm);
  const answer = yield* call(mm);
  yield* inFlight.leave(kernel, mm);
  return answer;
}
