/**
 * The other node of a replay: an operating-system process with a machine of its own, whose process has no memory but what
 * XPMEM lets it reach in the machine that replays. It makes the accesses that it is told to, and says what it saw.
 */
import { text } from 'node:stream/consumers';
import { Machine, MemorySwapDevice, type Process } from '@mmu-notifier/core';
import { socketLinks } from '@mmu-notifier/links';
import type { Link, LinkService, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import { type RemoteAccess, type XpmemNode, xpmem } from '@mmu-notifier/xpmem';
import { Checksum, type PeerAccess, type PeerAnswer, type PeerStart, decodeBatch, encodeMessage } from './control.ts';
import { liveClock } from './live-clock.ts';
import { withHost } from './with-host.ts';

/** How long to wait for the replay to listen, in nanoseconds. */
const PATIENCE = 60e9;

class Peer {
  private readonly start: PeerStart;
  private readonly process: Process;
  private readonly device: XpmemNode;
  private readonly apids = new Map<number, number>();
  private readonly checksum = new Checksum();

  constructor(start: PeerStart, process: Process, device: XpmemNode) {
    this.start = start;
    this.process = process;
    this.device = device;
  }

  /** Until the replay closes the link. @sleeps May. */
  *serve(links: LinkService): Routine<void> {
    const link = yield* links.connect(this.start.control, PATIENCE);
    if (typeof link === 'string') throw new Error(`connecting to ${this.start.control} answers ${link}`);
    for (;;) {
      const message = yield* link.receive();
      if (typeof message === 'string') return;
      yield* this.answer(link, yield* this.make(decodeBatch(message)));
    }
  }

  private *answer(link: Link, answer: PeerAnswer): Routine<void> {
    const message = encodeMessage(answer);
    while (link.send(message) === 'EAGAIN') yield* link.room();
  }

  /** All of them, in order; neighbours of one segment travel together. */
  private *make(batch: readonly PeerAccess[]): Routine<PeerAnswer> {
    const failed: { index: number; reason: string }[] = [];
    for (let first = 0; first < batch.length;) {
      const { segid } = batch[first] as PeerAccess;
      let behind = first + 1;
      while (batch[behind]?.segid === segid) behind++;
      const apid = yield* this.permit(segid);
      for (let at = first; at < behind;) {
        const accesses = batch.slice(at, behind).map(accessOf);
        const { done, error } =
          typeof apid === 'number'
            ? yield* this.device.accessList(this.handle, apid, accesses)
            : { done: 0, error: apid };
        for (const { kind, data } of accesses.slice(0, done)) if (kind === 'load') this.checksum.add(data);
        at += done;
        if (at < behind) failed.push({ index: at++, reason: String(error) });
      }
      first = behind;
    }
    return { failed, checksum: this.checksum.value };
  }

  private *permit(segid: number): Routine<number | string> {
    const known = this.apids.get(segid);
    if (known !== undefined) return known;
    const answer = yield* (
      this.device.actions?.['get']?.(this.handle, [String(segid), 'rw', this.start.xpmem]) ?? none()
    );
    const apid = Number(answer);
    if (!Number.isSafeInteger(apid)) return String(answer);
    this.apids.set(segid, apid);
    return apid;
  }

  private get handle(): ProcessHandle {
    return this.process.handle;
  }
}

function* none(): Routine<undefined> {
  return undefined;
}

function accessOf({ address, kind, length, bytes }: PeerAccess): RemoteAccess {
  return { address, kind, data: bytes ?? new Uint8Array(length) };
}

async function main(): Promise<void> {
  const start = JSON.parse(await text(process.stdin)) as PeerStart;
  const transport = socketLinks({ node: 'remote', key: Buffer.from(start.key, 'hex') });
  const machine = new Machine({
    ramBytes: 2 ** 20,
    swapBytes: 0,
    swapDevice: new MemorySwapDevice(),
    oracles: 'on',
    live: liveClock,
    transport,
  });
  const { plugin, host } = withHost(xpmem({ leaseNs: start.leaseNs }));
  const process1 = machine.processes.get('p1') as Process;
  machine.spawn(
    'remote',
    (function* (): Routine<void> {
      const device = (yield* machine.attach('xpmem', plugin)) as XpmemNode;
      yield* device.open(process1.handle);
      yield* new Peer(start, process1, device).serve(host().links as LinkService);
      yield* machine.detach('xpmem');
    })(),
    process1,
  );
  process.stdout.write('ready\n');
  await machine.runLive().finally(() => transport.close());
  machine.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`error: the other node: ${(error as Error).message}\n`);
  process.exitCode = 3;
});
