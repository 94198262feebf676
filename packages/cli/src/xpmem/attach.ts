/** `mmu-notifier xpmem attach`: uses memory of another node by loads and stores. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { ExitCode, InputError } from '../errors.ts';
import type { Io } from '../output.ts';
import { bytesOf, dump, hexOf, isLength, numberOf, wrong } from './arguments.ts';
import { type Command, Console } from './console.ts';
import { theirKey } from './key-file.ts';
import { type Node, runNode } from './node.ts';

export interface AttachFlags {
  readonly segment: string;
  readonly readOnly?: boolean;
  readonly key?: string;
  readonly json?: boolean;
}

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody serves there',
  EKEYREJECTED: 'the two have different keys',
  EPROTO: 'what answers there speaks something else',
  ENOENT: 'there is no such segment',
  EACCES: 'its mode does not let others in',
};

export async function attachCommand(endpoint: string, flags: AttachFlags, io: Io): Promise<ExitCode> {
  const segid = numberOf(flags.segment);
  if (segid === undefined)
    throw new InputError(`--segment: found "${flags.segment}", expected a number such as 0x100000001`);
  const key = theirKey(endpoint, flags.key);
  const mode = flags.readOnly === true ? 'ro' : 'rw';
  const console = new Console(io, { prompt: 'attach> ', json: flags.json === true, atEnd: 'stop' });
  // Why it cannot connect is said once, by the error.
  const log = (): void => undefined;
  try {
    await runNode({ name: `attach-${process.pid}`, key, ramBytes: 2 ** 20, xpmem: {}, log }, function* (node) {
      const apid = yield* node.verb('get', String(segid), mode, endpoint);
      if (!/^0x/.test(apid ?? '')) {
        const why = WHY[apid ?? ''];
        throw new InputError(`${endpoint} answers ${apid ?? 'nothing'}${why === undefined ? '' : `: ${why}`}`);
      }
      console.say({ attached: endpoint, segment: `0x${segid.toString(16)}`, mode });
      yield* console.serve(node.host, attachCommands(node, Number(apid)));
    });
  } finally {
    console.close();
  }
  return ExitCode.ok;
}

function attachCommands(node: Node, apid: number): Record<string, Command> {
  const access = function* (kind: 'load' | 'store', address: number, data: Uint8Array): Routine<string | undefined> {
    const { done, error } = yield* node.device.accessList(node.process.handle, apid, [{ address, kind, data }]);
    return done === 1 ? undefined : String(error);
  };
  const reads = (
    name: string,
    does: string,
    show: (offset: number, data: Uint8Array) => Record<string, string>,
  ): Command => {
    const usage = `${name} OFFSET LEN`;
    return {
      usage,
      does,
      *run([offset, length]) {
        const [at, bytes] = [numberOf(offset), numberOf(length)];
        if (at === undefined || !isLength(bytes)) return wrong(usage);
        const data = new Uint8Array(bytes);
        const error = yield* access('load', at, data);
        return error === undefined ? show(at, data) : { error };
      },
    };
  };
  return {
    load: reads('load', 'reads', (_, data) => ({ bytes: hexOf(data) })),
    dump: reads('dump', 'reads, and shows letters too', (at, data) => ({ text: dump(at, data) })),
    store: {
      usage: 'store OFFSET HEX|"TEXT"',
      does: 'writes',
      *run([offset, ...words]) {
        const [at, bytes] = [numberOf(offset), bytesOf(words)];
        if (at === undefined || bytes === undefined) return wrong('store OFFSET HEX|"TEXT"');
        const error = yield* access('store', at, bytes);
        return error === undefined ? {} : { error };
      },
    },
    status: {
      usage: 'status',
      does: 'pages that are held here, and for how long still',
      *run() {
        const { pages, leaseNs } = node.device.remoteState();
        return { 'pages held': pages, 'lease left, ms': Math.round(leaseNs / 1e6) };
      },
    },
  };
}
