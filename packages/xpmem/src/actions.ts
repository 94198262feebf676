/** Verbs that scripts can give the device: the calls of libxpmem, and accesses by permit. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccessResult, DeviceAction, Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import { accessXpmem } from './access.ts';
import { attach, detachAt } from './attachment.ts';
import { forkBegin, forkEnd } from './fork.ts';
import { isId } from './ids.ts';
import { findPermit, getPermit, releasePermit } from './permit.ts';
import { attachRemote, detachRemote, remoteAttachmentAt } from './remote/attachments.ts';
import { getRemotePermit } from './remote/permits.ts';
import { makeSegment, removeSegment } from './segment.ts';
import type { XpmemShared } from './shared.ts';
import type { ThreadGroup } from './thread-group.ts';

type Answer = Routine<Errno | string | undefined>;
type Verb = (shared: XpmemShared, group: ThreadGroup, args: readonly string[], process: ProcessHandle) => Answer;

/** 2.6.5, as the library counts. */
const VERSION = '0x26005';

const VERBS: Readonly<Record<string, Verb>> = {
  *version() {
    return VERSION;
  },
  make,
  remove,
  get,
  release,
  attach: attachVerb,
  detach,
  fork_begin: forkBeginVerb,
  fork_end: forkEndVerb,
  load,
  store,
  // In scripts `load` and `store` are the device's own, by address.
  peek: load,
  poke: store,
};

/** A process that has not opened the device gets `ESRCH` (libxpmem: XPMEM_ERRNO_NOPROC). */
export function xpmemActions(shared: XpmemShared): Readonly<Record<string, DeviceAction>> {
  const verbs = Object.entries(VERBS).map(([name, verb]): [string, DeviceAction] => [
    name,
    function* (process, args) {
      const only = process === undefined && shared.groups.size === 1;
      const group = only ? [...shared.groups.values()][0] : shared.groups.get(process?.name ?? '');
      if (group === undefined) return process === undefined ? 'EINVAL' : 'ESRCH';
      return yield* verb(shared, group, args, process ?? { name: group.name, mm: group.mm });
    },
  ]);
  return Object.fromEntries(verbs);
}

/** `make ADDR LEN|all [MODE]`: answers the segid. Others may use it as far as the octal MODE says, 600 unless given. */
function* make(shared: XpmemShared, group: ThreadGroup, args: readonly string[]): Answer {
  const [address, length, mode = '600'] = args;
  const vaddr = parseNumber(address);
  const size = length === 'all' ? 'all' : parseNumber(length);
  if (vaddr === undefined || size === undefined || !/^[0-7]+$/.test(mode) || args.length > 3) return 'EINVAL';
  const segment = yield* makeSegment(shared, group, vaddr, size, parseInt(mode, 8));
  return isErrno(segment) ? segment : hex(segment.segid);
}

/** `remove SEGID` */
function* remove(shared: XpmemShared, group: ThreadGroup, [id]: readonly string[]): Answer {
  const segid = parseNumber(id);
  if (segid === undefined || !isId(segid)) return 'EINVAL';
  const segment = shared.segments.get(segid);
  if (segment === undefined) return 'ENOENT';
  if (segment.owner !== group) return 'EACCES';
  yield* removeSegment(shared, segment);
  return undefined;
}

/** `get SEGID ro|rw [ENDPOINT]`: answers the apid. ENDPOINT is where the segment's node listens. */
function* get(shared: XpmemShared, group: ThreadGroup, [id, mode = '', endpoint]: readonly string[]): Answer {
  const segid = parseNumber(id);
  if (segid === undefined) return 'EINVAL';
  if (endpoint !== undefined) {
    const remote = yield* getRemotePermit(shared, group, endpoint, segid, mode);
    return isErrno(remote) ? remote : hex(remote.apid);
  }
  const permit = getPermit(shared, group, segid, mode);
  return isErrno(permit) ? permit : hex(permit.apid);
}

/** `release APID` */
function* release(shared: XpmemShared, group: ThreadGroup, [id]: readonly string[]): Answer {
  const apid = parseNumber(id);
  const remote = apid === undefined ? undefined : group.remotePermits.get(apid);
  if (apid !== undefined && remote !== undefined) {
    group.remotePermits.delete(apid);
    yield* detachRemote(shared, group, remote);
    return undefined;
  }
  const permit = apid === undefined ? 'EINVAL' : findPermit(shared, group, apid);
  if (isErrno(permit)) return permit;
  yield* releasePermit(shared, permit);
  return undefined;
}

/** `attach APID OFFSET LEN [ADDR]`: answers the address. */
function* attachVerb(shared: XpmemShared, group: ThreadGroup, args: readonly string[]): Answer {
  const [apid, offset, length, at] = args.map(parseNumber);
  if (apid === undefined || offset === undefined || length === undefined) return 'EINVAL';
  if (args.length > 4 || (args.length === 4 && at === undefined)) return 'EINVAL';
  const remote = group.remotePermits.get(apid);
  if (remote !== undefined) {
    const window = yield* attachRemote(shared, group, remote, offset, length, at);
    return isErrno(window) ? window : hex(window);
  }
  const permit = findPermit(shared, group, apid);
  if (isErrno(permit)) return permit;
  const address = yield* attach(shared, permit, offset, length, at);
  return isErrno(address) ? address : hex(address);
}

/** `detach ADDR` */
function* detach(shared: XpmemShared, group: ThreadGroup, [address]: readonly string[]): Answer {
  const at = parseNumber(address);
  if (at === undefined) return 'EINVAL';
  const remote = remoteAttachmentAt(group, at);
  if (remote === undefined) return yield* detachAt(shared, group, at);
  yield* shared.vmas.unmap(remote.window);
  return undefined;
}

/** `fork_begin`: until as many `fork_end`, nobody reaches what the process shares; whoever tries to, waits. */
function* forkBeginVerb(shared: XpmemShared, group: ThreadGroup, args: readonly string[]): Answer {
  if (args.length > 0) return 'EINVAL';
  yield* forkBegin(shared, group);
  return undefined;
}

/** `fork_end` */
function* forkEndVerb(_: XpmemShared, group: ThreadGroup, args: readonly string[]): Answer {
  return args.length > 0 ? 'EINVAL' : forkEnd(group);
}

/** `load APID OFFSET LEN`: answers the bytes. */
function* load(shared: XpmemShared, _: ThreadGroup, args: readonly string[], process: ProcessHandle): Answer {
  const [apid, address, length] = args.map(parseNumber);
  if (apid === undefined || address === undefined || length === undefined || length > 65536) return 'EINVAL';
  const data = new Uint8Array(length);
  const result = yield* accessXpmem(shared, { process, space: String(apid), address, kind: 'load', data });
  return result === 'done' ? [...data].map((byte) => byte.toString(16).padStart(2, '0')).join('') : said(result);
}

/** `store APID OFFSET HEX` */
function* store(shared: XpmemShared, _: ThreadGroup, args: readonly string[], process: ProcessHandle): Answer {
  const [apid, address] = args.map(parseNumber);
  const word = (args[2] ?? '').replace(/^0x/, '');
  if (apid === undefined || address === undefined || !/^([0-9a-f]{2})+$/i.test(word)) return 'EINVAL';
  const data = Uint8Array.from(word.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  return said(yield* accessXpmem(shared, { process, space: String(apid), address, kind: 'store', data }));
}

function said(result: DeviceAccessResult): Errno | string | undefined {
  if (result === 'done') return undefined;
  return typeof result === 'string' ? result : result.exit;
}

/** Decimal or hexadecimal, with K, M or G behind it. */
export function parseNumber(word: string | undefined): number | undefined {
  const found = /^(0x[0-9a-f]+|[0-9]+)([KMG]?)$/i.exec(word ?? '');
  if (found === null) return undefined;
  const [, digits = '', unit = ''] = found;
  return Number(digits) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
