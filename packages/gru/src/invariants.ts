/** The rules that this driver's bookkeeping keeps at every step that no lock hides. */
import type { DeviceViolation } from '@mmu-notifier/plugin-api';
import type { Gms } from './driver/gms.ts';
import type { GruState } from './driver/gru-state.ts';
import type { GruShared } from './driver/shared.ts';

/** What is broken now; nothing on a sound device. */
export function* brokenInvariants(shared: GruShared): Iterable<DeviceViolation> {
  for (const message of shared.warnings) yield { rule: 'gru-balance', message };
  for (const gru of shared.chiplets) yield* named(brokenChiplet(shared, gru), `chiplet ${gru.gid}`);
  for (const gms of shared.spaces.values()) yield* named(brokenSpace(gms), `mm ${gms.mm.id}`);
}

function* named(found: Iterable<readonly [rule: string, message: string]>, what: string): Iterable<DeviceViolation> {
  for (const [rule, message] of found) yield { rule, message: `${what}: ${message}` };
}

function* brokenChiplet(shared: GruShared, gru: GruState): Iterable<readonly [string, string]> {
  const owners = new Map<number, number>();
  let [cbrs, dsrBytes] = [0, 0];
  for (const gts of gru.contexts) {
    if (gts === undefined) continue;
    cbrs += gts.config.controlBlocks;
    dsrBytes += gts.config.dataSegmentBytes;
    const { cch, gms } = gts;
    if (cch === undefined || !gts.loaded) continue;
    const owner = owners.get(cch.asid);
    if (owner !== undefined && owner !== gms.mm.id)
      yield ['gru-asid-unique', `mm ${owner} and mm ${gms.mm.id} both run with ASID ${cch.asid}`];
    owners.set(cch.asid, gms.mm.id);
    if (cch.asid !== gms.tracker(gru.gid).asid)
      yield ['gru-asid', `mm ${gms.mm.id} runs with ASID ${cch.asid}, ${gms.tracker(gru.gid).asid} is known`];
    if (gms.released) yield ['gru-release', `a context of mm ${gms.mm.id} runs, and that is released`];
  }
  const { givenOut } = gru;
  if (givenOut.cbrs !== cbrs) yield ['gru-cbrs', `contexts have ${cbrs} CBRs, ${givenOut.cbrs} are given out`];
  if (givenOut.dsrBytes !== dsrBytes)
    yield ['gru-dsr', `contexts have ${dsrBytes} bytes of data segment, ${givenOut.dsrBytes} are given out`];
  for (const { asid, mm } of gru.chiplet.tlb.reachable()) {
    const tracker = shared.spaces.get(mm.id)?.tracker(gru.gid);
    if (tracker?.asid !== asid) yield ['gru-tlb', `the TLB holds ASID ${asid} for mm ${mm.id}, which does not have it`];
  }
}

function* brokenSpace(gms: Gms): Iterable<readonly [string, string]> {
  if (gms.rangeActive.value < 0) yield ['gru-range-active', `${gms.rangeActive.value} ranges are open`];
  for (const [gid, { asid, contexts }] of gms.asids.entries()) {
    const known = (gms.asidmap & (1 << gid)) !== 0;
    if (known !== (asid !== 0)) yield ['gru-asidmap', `chiplet ${gid} has ASID ${asid}, and the map says otherwise`];
    if (contexts !== 0 && asid === 0) yield ['gru-asid', `contexts run on chiplet ${gid} without an ASID`];
  }
}
