/** Options of the driver and of one process's use of it, as users write them. */

/** When translations go: before the source changes its pages, or after it did. */
export type Coherence = 'recall' | 'until-invalidate';

/**
 * Options of {@link xpmem}.
 * @public
 */
export interface XpmemOptions {
  /**
   * `recall`: nothing is pinned, and every translation is called back before the source's page tables change.
   * `until-invalidate`: each translation pins its page until the change is over, as the public driver does.
   */
  readonly coherence?: 'recall' | 'until-invalidate';
  /**
   * Declares its callbacks atomic although they sleep, so that a machine of the 2008 world takes it. What happens then is
   * what `sleep-in-atomic` is for.
   */
  readonly force?: boolean;
  /** The endpoint at which other nodes ask for segments of this one; none unless given. */
  readonly listen?: string;
  /** How long a node may use what it was granted without hearing from this one, in nanoseconds: 1 s unless given. */
  readonly leaseNs?: number;
}

export interface XpmemConfig {
  readonly coherence: Coherence;
  readonly force: boolean;
  readonly listen: string | undefined;
  readonly leaseNs: number;
}

/** Whose name a process acts in, given to `open`: permits are checked as those of System V IPC. @public */
export interface XpmemCredentials {
  readonly uid?: number;
  readonly gid?: number;
  /** CAP_IPC_OWNER: no permit is refused. */
  readonly ipcOwner?: boolean;
}

const OPTIONS = ['coherence', 'force', 'listen', 'leaseNs'];
const CREDENTIALS = ['uid', 'gid', 'ipcOwner'];

/** Misuse by a user throws; the message says what was found and what is expected. */
export function checkOptions(options: XpmemOptions): XpmemConfig {
  known(options, OPTIONS);
  const { coherence = 'recall', force = false, listen, leaseNs = 1e9 } = options;
  if (coherence !== 'recall' && coherence !== 'until-invalidate')
    throw new RangeError(`xpmem: coherence is "recall" or "until-invalidate", found ${show(coherence)}`);
  if (typeof force !== 'boolean') throw new RangeError(`xpmem: force is true or false, found ${show(force)}`);
  if (listen !== undefined && typeof listen !== 'string')
    throw new RangeError(`xpmem: listen is the name of an endpoint, found ${show(listen)}`);
  if (!(typeof leaseNs === 'number' && leaseNs >= 1000 && leaseNs <= 1e12))
    throw new RangeError(`xpmem: leaseNs is a number from 1000 to 1000000000000, found ${show(leaseNs)}`);
  if (listen !== undefined && coherence !== 'recall')
    throw new RangeError('xpmem: found listen with coherence "until-invalidate", other nodes need "recall"');
  return { coherence, force, listen, leaseNs };
}

/** As `checkOptions`, for `open`; ids are 0 unless given. */
export function checkCredentials(options: XpmemCredentials): Required<XpmemCredentials> {
  known(options, CREDENTIALS);
  const { uid = 0, gid = 0, ipcOwner = false } = options;
  for (const id of [uid, gid])
    if (!Number.isInteger(id) || id < 0) throw new RangeError(`xpmem: uid and gid are numbers, found ${show(id)}`);
  return { uid, gid, ipcOwner };
}

function known(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new RangeError(`xpmem: found option "${unknown}", expected ${names.join(', ')}`);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
