/** The driver's own books, which oracles check. */
import type { DeviceViolation } from '@mmu-notifier/plugin-api';
import type { XpmemShared } from './shared.ts';

export function* brokenInvariants({ groups, segments }: XpmemShared): Iterable<DeviceViolation> {
  for (const segment of segments.values()) {
    const name = `segment ${segment.segid}`;
    if (segment.destroying && segment.table.pages.size > 0)
      yield { rule: 'xpmem-revoked', message: `${name} is revoked and has ${segment.table.pages.size} translations` };
    for (const address of segment.table.pages.keys()) {
      if (address < segment.vaddr || address >= segment.end)
        yield {
          rule: 'xpmem-bounds',
          message: `${name} has a translation of 0x${address.toString(16)}, outside of it`,
        };
    }
    for (const { permit } of segment.table.attachments) {
      if (permit.segment !== segment) yield { rule: 'xpmem-attachment', message: `${name} lists another's attachment` };
    }
  }
  for (const { name, ranges } of groups.values()) {
    if (ranges.active < 0) yield { rule: 'xpmem-ranges', message: `${name}: an end came without its start` };
  }
}
