/** What the system and the handshake answer, as the contract's errors. */
import { type Errno, isErrno } from '@mmu-notifier/plugin-api';
import type { Fault } from './counters.ts';

const OF_FAULT: Readonly<Record<Fault, Errno>> = {
  garbage: 'EPROTO',
  oversize: 'EPROTO',
  truncated: 'ECONNRESET',
  version: 'EPROTONOSUPPORT',
  key: 'EKEYREJECTED',
  forged: 'EPROTO',
  replayed: 'EPROTO',
  slow: 'ETIMEDOUT',
  silent: 'ETIMEDOUT',
  full: 'ECONNREFUSED',
};

/** Codes of Node that are no errno, or another one than the caller can use. */
const OF_CODE: Readonly<Record<string, Errno>> = {
  EPIPE: 'ECONNRESET',
  ENETUNREACH: 'EHOSTUNREACH',
  ENOTFOUND: 'EHOSTUNREACH',
  EAI_AGAIN: 'EHOSTUNREACH',
};

export function errnoOfFault(fault: Fault): Errno {
  return OF_FAULT[fault];
}

export function errnoOf(error: Error): Errno {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  return OF_CODE[code] ?? (isErrno(code) ? code : 'EIO');
}

/** Whether trying again may help: the peer may be about to start. */
export function isPassing(errno: Errno): boolean {
  return ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ETIMEDOUT', 'EAGAIN'].includes(errno);
}
