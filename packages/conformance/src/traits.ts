/** What a driver declares, beside what it was seen to do. */
import type { PluginTraits } from '@mmu-notifier/plugin-api';
import { CALLBACKS, type Observed } from './watch.ts';

/** One declared trait. @public */
export interface TraitRow {
  readonly trait: keyof PluginTraits;
  readonly declared: string;
  /** What it was seen to do; nothing where no scenario can tell. */
  readonly seen: string;
  /** `not seen`: nothing speaks against it, and nothing for it. */
  readonly verdict: 'proved' | 'broken' | 'not seen';
}

/** @param spaces - Address spaces that the device opened at the same time. */
export function judgeTraits(traits: PluginTraits, seen: Observed, spaces: 'one' | 'several'): TraitRow[] {
  return [
    row('callbacks', callbacksOf(traits), [...CALLBACKS].filter((name) => seen.callbacks.has(name)).join(', ')),
    row('registration', traits.registration, registrationOf(traits, seen)),
    nonBlockable(traits, seen),
    row('pins', traits.pins === 'none' ? 'none' : 'pins', seen.pins > 0 ? 'pins' : 'none', traits.pins),
    row('invalidateAt', traits.invalidateAt === 'start' ? 'start' : 'later', goneAt(seen), traits.invalidateAt),
    row('faultMode', traits.faultMode, faultModeOf(seen)),
    row(
      'dirty',
      traits.dirty === 'per-spte' ? 'per-spte' : 'never said',
      seen.dirtied > 0 ? 'per-spte' : 'never said',
      traits.dirty,
    ),
    row('addressSpaces', traits.addressSpaces, spaces),
    kind(traits, seen),
    {
      trait: 'pageSizes',
      declared: traits.pageSizes.join(', '),
      seen: '4096',
      verdict: traits.pageSizes.includes(4096) ? (traits.pageSizes.length === 1 ? 'proved' : 'not seen') : 'broken',
    },
  ];
}

function row(trait: keyof PluginTraits, declared: string, seen: string, shown: string = declared): TraitRow {
  const verdict = seen === '' ? 'not seen' : seen === declared ? 'proved' : 'broken';
  return { trait, declared: shown, seen, verdict };
}

/** Whether each is atomic is proved by running it where nobody may sleep. */
function callbacksOf({ callbacks }: PluginTraits): string {
  return CALLBACKS.filter((name) => callbacks[name] !== undefined).join(', ');
}

function registrationOf({ registration }: PluginTraits, { registrations }: Observed): string {
  if (registrations.has(registration)) return registration;
  return [...registrations].join(', ');
}

function nonBlockable({ nonBlockable: declared }: PluginTraits, { nonBlockable: answers }: Observed): TraitRow {
  const seen = [...answers].sort().join(', ');
  const base = { trait: 'nonBlockable', declared, seen } as const;
  if (declared === 'proceeds')
    return { ...base, verdict: seen === '' ? 'not seen' : answers.has('refused') ? 'broken' : 'proved' };
  return { ...base, verdict: answers.has('refused') ? 'proved' : 'not seen' };
}

function goneAt({ goneAt: times }: Observed): string {
  return times.has('later') ? 'later' : [...times].join('');
}

function faultModeOf({ loads }: Observed): string {
  if (loads.has('asked to write')) return 'always-write';
  if (loads.has('writable')) return 'write-if-writable';
  return loads.has('read-only') ? 'as-asked' : '';
}

/** Only ptes of another process show themselves. */
function kind({ kind: declared }: PluginTraits, { foreignPtes }: Observed): TraitRow {
  const broken = foreignPtes > 0 && declared !== 'foreign-ptes';
  const seen = foreignPtes > 0 ? 'foreign-ptes' : '';
  return { trait: 'kind', declared, seen, verdict: broken ? 'broken' : seen === '' ? 'not seen' : 'proved' };
}
