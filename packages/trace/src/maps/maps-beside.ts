/** The maps file that stands beside a recording: `maps.txt.xz` beside `strace.txt.xz`, packed in any way or not at all. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { unpackWhole } from '../compression/unpack-whole.ts';
import { type RecordedMaps, parseMaps } from './parse-maps.ts';

const PACKINGS = ['', '.xz', '.gz', '.zst'];

/** `undefined` where there is none. @throws TraceError where it is no maps file. */
export async function mapsBeside(recording: string, tool: string): Promise<RecordedMaps | undefined> {
  const name = basename(recording);
  if (!name.includes(tool)) return undefined;
  const plain = join(dirname(recording), name.replace(tool, 'maps').replace(/\.(xz|gz|zst)$/, ''));
  const file = PACKINGS.map((packing) => plain + packing).find((path) => existsSync(path));
  return file === undefined ? undefined : { file, areas: parseMaps(await unpackWhole(file), file) };
}
