/** `mmu-notifier xpmem serve`: memory that other nodes may map and edit, while it is swapped, truncated and protected here. */
import { readFileSync } from 'node:fs';
import { PAGE_SIZE, type Routine } from '@mmu-notifier/plugin-api';
import { ExitCode, InputError } from '../errors.ts';
import type { Io } from '../output.ts';
import { formatBytes, parseHostMemory, parseSize } from '../sizes.ts';
import { bytesOf, dump, hexOf, isLength, numberOf, wrong } from './arguments.ts';
import { type Command, Console, type Said } from './console.ts';
import { ownKey } from './key-file.ts';
import { type Node, answered, runNode } from './node.ts';

export interface ServeFlags {
  readonly listen: string;
  readonly size: string;
  readonly file?: string;
  readonly ram?: string;
  readonly key?: string;
  readonly json?: boolean;
}

const BASE = 0x100000000;
const FILE = 'served';

export async function serveCommand(flags: ServeFlags, io: Io): Promise<ExitCode> {
  const content = flags.file === undefined ? undefined : readContent(flags.file);
  const size = content === undefined ? parseSize(flags.size, '--size') : pageUp(content.length);
  if (size === 0) throw new InputError('--size: found 0, expected more than 0');
  const ramBytes = parseHostMemory(flags.ram ?? String(2 * size + 2 ** 20), '--ram');
  const key = ownKey(flags.listen, flags.key);
  const console = new Console(io, { prompt: 'serve> ', json: flags.json === true, atEnd: 'wait for a signal' });
  const log = (line: string): void => io.err(`${line}\n`);
  try {
    await runNode({ name: 'home', key, ramBytes, xpmem: { listen: flags.listen }, log }, (node) =>
      serve(node, console, size, content, flags.listen),
    );
  } finally {
    console.close();
  }
  return ExitCode.ok;
}

function* serve(
  node: Node,
  console: Console,
  size: number,
  content: Uint8Array | undefined,
  endpoint: string,
): Routine<void> {
  const { machine, process } = node;
  const file = content === undefined ? undefined : machine.files.create(FILE, content.length, content);
  const mapped = yield* machine.syscalls.mmap(process, {
    address: BASE,
    length: size,
    prot: 'rw',
    flags: file === undefined ? ['private', 'anonymous', 'fixed'] : ['shared', 'fixed'],
    ...(file === undefined ? {} : { file }),
  });
  if (typeof mapped === 'string') throw new InputError(`mapping ${formatBytes(size)} answers ${mapped}`);
  const segment = answered('making the segment', yield* node.verb('make', String(BASE), String(size), '666'));
  console.say({ serving: formatBytes(size), at: endpoint, segment });
  yield* console.serve(node.host, serveCommands(node, size, file !== undefined));
}

function serveCommands(node: Node, size: number, isFile: boolean): Record<string, Command> {
  const { machine, process } = node;
  const { syscalls } = machine;
  const inside = (offset: number | undefined, length: number): offset is number =>
    offset !== undefined && offset + length <= size;
  /** Says what it took to call the range back. */
  const told = function* (change: Routine<unknown>): Routine<Said> {
    const before = counters(node);
    const answer = yield* change;
    const { recalls, expired } = counters(node);
    return {
      ...(typeof answer === 'string' ? { error: answer } : {}),
      recalled: recalls - before.recalls,
      ...(expired > before.expired ? { 'leases that ran out': expired - before.expired } : {}),
    };
  };
  const ranged = (
    name: string,
    call: (offset: number, length: number, rest: readonly string[]) => Routine<unknown>,
    does: string,
    more = '',
  ): Command => {
    const usage = `${name} OFFSET LEN${more}`;
    return {
      usage,
      does,
      *run([offset, length, ...rest]) {
        const [at, bytes] = [numberOf(offset), numberOf(length)];
        if (at === undefined || bytes === undefined || (more !== '' && rest.length !== 1)) return wrong(usage);
        return yield* told(call(BASE + at, bytes, rest));
      },
    };
  };
  return {
    load: {
      usage: 'load OFFSET LEN',
      does: 'reads, as the process',
      *run([offset, length]) {
        const [at, bytes] = [numberOf(offset), numberOf(length)];
        if (!isLength(bytes) || !inside(at, bytes)) return wrong('load OFFSET LEN');
        const data = new Uint8Array(bytes);
        const failed = yield* machine.load(process, BASE + at, bytes, data);
        return failed === undefined ? { bytes: hexOf(data) } : { error: failed.signal };
      },
    },
    dump: {
      usage: 'dump OFFSET LEN',
      does: 'reads, and shows letters too',
      *run([offset, length]) {
        const [at, bytes] = [numberOf(offset), numberOf(length)];
        if (!isLength(bytes) || !inside(at, bytes)) return wrong('dump OFFSET LEN');
        const data = new Uint8Array(bytes);
        const failed = yield* machine.load(process, BASE + at, bytes, data);
        return failed === undefined ? { text: dump(at, data) } : { error: failed.signal };
      },
    },
    store: {
      usage: 'store OFFSET HEX|"TEXT"',
      does: 'writes, as the process',
      *run([offset, ...words]) {
        const [at, bytes] = [numberOf(offset), bytesOf(words)];
        if (bytes === undefined || !inside(at, bytes.length)) return wrong('store OFFSET HEX|"TEXT"');
        const failed = yield* machine.store(process, BASE + at, bytes.length, bytes);
        return failed === undefined ? {} : { error: failed.signal };
      },
    },
    swap: ranged('swap', (at, length) => syscalls.madvise(process, at, length, 'pageout'), 'takes pages out of memory'),
    drop: ranged('drop', (at, length) => syscalls.madvise(process, at, length, 'dontneed'), 'gives pages up'),
    protect: ranged(
      'protect',
      (at, length, [prot = '']) => syscalls.mprotect(process, at, length, prot),
      'changes what the process may do with pages',
      ' r|rw|-',
    ),
    unmap: ranged('unmap', (at, length) => syscalls.munmap(process, at, length), 'unmaps pages'),
    ...(isFile
      ? {
          truncate: {
            usage: 'truncate LEN',
            does: 'cuts the file',
            *run([length]: readonly string[]) {
              const bytes = numberOf(length);
              return bytes === undefined ? wrong('truncate LEN') : yield* told(machine.files.truncate(FILE, bytes));
            },
          },
        }
      : {}),
    stats: {
      usage: 'stats',
      does: 'what there is, and what was done',
      *run() {
        const { anon, file, swap } = syscalls.rss(process);
        return { resident: anon + file, swapped: swap, ...used(node) };
      },
    },
  };
}

function used({ machine }: Node): Said {
  const counts = machine.stats()['xpmem'] ?? {};
  return {
    'held by others': counts['ledger_live'] ?? 0,
    'remote faults': counts['remote_faults'] ?? 0,
    'remote accesses': counts['remote_accesses'] ?? 0,
    recalls: counts['recalls_sent'] ?? 0,
    'leases that ran out': counts['leases_expired'] ?? 0,
    'bad messages': counts['bad_messages'] ?? 0,
  };
}

function counters({ machine }: Node): { recalls: number; expired: number } {
  const { recalls_sent: recalls = 0, leases_expired: expired = 0 } = machine.stats()['xpmem'] ?? {};
  return { recalls, expired };
}

function readContent(path: string): Uint8Array {
  try {
    const content = readFileSync(path);
    if (content.length > 0) return content;
  } catch (error) {
    throw new InputError(`--file: ${path}: ${(error as Error).message}`);
  }
  throw new InputError(`--file: ${path}: found an empty file, expected bytes to serve`);
}

function pageUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}
