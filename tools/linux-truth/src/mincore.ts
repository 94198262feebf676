/**
 * What `mincore` says of a file depends on where the file is: the kernel's files are in memory from the start, the model's on
 * a disk. A question that directly follows `maps` of the same process is compared without pages of files.
 */

interface Mapping {
  readonly start: string;
  readonly end: string;
  readonly file: string | null;
}

const PAGE = 4096;

/**
 * @param maps - What the event before answered.
 * @returns the answer with `-` for the pages of files; `undefined` where there is nothing to leave out.
 */
export function withoutFilePages(
  event: string,
  answer: unknown,
  eventBefore: string,
  maps: unknown,
): string | undefined {
  const [process, verb, address] = event.split(/\s+/);
  const [asked, question] = eventBefore.split(/\s+/);
  if (verb !== 'mincore' || question !== 'maps' || asked !== process) return undefined;
  if (typeof answer !== 'string' || !Array.isArray(maps)) return undefined;
  const files = (maps as readonly Mapping[]).filter(({ file }) => file !== null);
  const isOfFile = (at: number): boolean => files.some(({ start, end }) => Number(start) <= at && at < Number(end));
  return [...answer].map((page, i) => (isOfFile(Number(address) + i * PAGE) ? '-' : page)).join('');
}
