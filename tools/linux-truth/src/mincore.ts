/**
 * Which pages of files `mincore` may see on one side only. The kernel's files are memfds, the model's are on a disk, so three
 * things differ, and nothing else:
 *
 * - what a file is created with is in memory at once there, and when it is first looked at here;
 * - `willneed` reads ahead here, where a memfd has nothing to read;
 * - `pageout` may drop a page here, where a memfd has no swap to go to; the same for `machine reclaim`.
 *
 * The language has no way to ask which page of which file is meant but `maps`: the generator puts it before each such call.
 */

interface Mapping {
  readonly start: string;
  readonly end: string;
  readonly file: string | null;
  readonly offset: string;
}

/** Lines of a script with what Linux answered; `undefined` where it answered nothing. */
export interface AnsweredEvent {
  readonly words: readonly string[];
  readonly result: unknown;
}

/** `all` where a script does not say which pages. */
type Pages = Set<string> | 'all';

const PAGE = 4096;

/**
 * Whether two answers to the last of these events differ in nothing but pages of files of which the two sides may differ.
 * Where the event before it is not `maps` of the same process, any page may be one of those, if there are any: what shrinks
 * must not end in a difference that is none.
 */
export function isSameResidency(events: readonly AnsweredEvent[], real: unknown, modelled: unknown): boolean {
  const asked = events.at(-1);
  const maps = mapsBefore(events, events.length - 1);
  if (asked?.words[1] !== 'mincore' || !events.some(makesFile)) return false;
  if (typeof real !== 'string' || typeof modelled !== 'string' || real.length !== modelled.length) return false;
  const onlyThere = pagesOnlyInLinux(events);
  const onlyHere = pagesOnlyInModel(events);
  return [...real].every((page, i) => {
    if (page === modelled[i]) return true;
    const allowed = page === '1' ? onlyThere : onlyHere;
    if (maps === undefined) return allowed === 'all' || allowed.size > 0;
    const name = pageOf(maps, Number(asked.words[2]) + i * PAGE);
    return name !== undefined && (allowed === 'all' || allowed.has(name));
  });
}

function makesFile({ words: [actor, verb] }: AnsweredEvent): boolean {
  return actor === 'machine' && verb === 'file';
}

function pagesOnlyInLinux(events: readonly AnsweredEvent[]): Pages {
  const pages = new Set<string>();
  for (const [at, { words }] of events.entries()) {
    const [actor, verb, name, , content = ''] = words;
    if (actor === 'machine' && verb === 'reclaim') return 'all';
    // Two hex digits a byte, from the first page on.
    if (actor === 'machine' && verb === 'file')
      for (let page = 0; page * PAGE < content.length / 2; page++) pages.add(`${name ?? ''}:${page}`);
    if (!isAdvice(words, 'pageout')) continue;
    const advised = pagesAdvised(events, at);
    if (advised === 'all') return 'all';
    for (const page of advised) pages.add(page);
  }
  return pages;
}

function pagesOnlyInModel(events: readonly AnsweredEvent[]): Pages {
  const pages = new Set<string>();
  for (const [at, { words }] of events.entries()) {
    if (!isAdvice(words, 'willneed')) continue;
    const advised = pagesAdvised(events, at);
    if (advised === 'all') return 'all';
    for (const page of advised) pages.add(page);
  }
  return pages;
}

function isAdvice([, verb, , , advice]: readonly string[], name: string): boolean {
  return verb === 'madvise' && advice === name;
}

function pagesAdvised(events: readonly AnsweredEvent[], at: number): Pages {
  const maps = mapsBefore(events, at);
  const [, , address, length] = events[at]?.words ?? [];
  if (maps === undefined) return 'all';
  const end = Number(address) + Number(length);
  const pages = new Set<string>();
  for (const mapping of maps) {
    const last = Math.min(Number(mapping.end), end);
    for (let va = Math.max(Number(mapping.start), Number(address)); va < last; va += PAGE) {
      const name = pageOf([mapping], va);
      if (name !== undefined) pages.add(name);
    }
  }
  return pages;
}

/** `f:3`: file and index. */
function pageOf(maps: readonly Mapping[], va: number): string | undefined {
  const found = maps.find(({ start, end }) => Number(start) <= va && va < Number(end));
  if (found === undefined || found.file === null) return undefined;
  return `${found.file}:${Math.floor((va - Number(found.start) + Number(found.offset)) / PAGE)}`;
}

function mapsBefore(events: readonly AnsweredEvent[], at: number): readonly Mapping[] | undefined {
  const before = events[at - 1];
  if (before?.words[1] !== 'maps' || before.words[0] !== events[at]?.words[0]) return undefined;
  return Array.isArray(before.result) ? (before.result as readonly Mapping[]) : undefined;
}
