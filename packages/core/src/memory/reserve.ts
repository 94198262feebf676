/**
 * Zeroed bytes of the host that cost address space only until they are touched. A shared buffer, because any other one
 * counts at its full length against the garbage collector's limits, and would start collections for nothing.
 */
export function reserveBytes(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
