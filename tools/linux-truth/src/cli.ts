/** `linux-truth`: random scripts on the real kernel and on the model, until they differ. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { annotate } from './annotate.ts';
import { printDifference } from './compare.ts';
import { whyNoDevice, whyNoRunner } from './compile.ts';
import { hasSwap, linux } from './linux.ts';
import { model } from './model.ts';
import { progressLine } from './progress.ts';
import type { Side } from './run-command.ts';
import { saveScript } from './save.ts';
import { search } from './search.ts';

const USAGE = `usage: linux-truth [--scripts 100] [--events 200] [--seed N] [--device | --heap]
                   [--avoid WORD,...] [--linux-twice] [--no-save]
       linux-truth --show SCRIPT

Runs random scripts on the real kernel and on the model and compares every answer. The first difference is shrunk and
saved in scripts/.

  --heap         everything happens where brk maps
  --linux-twice  compares the real kernel with itself: are its answers the same each time?
  --show         prints a script with what the real kernel answers
`;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scripts: { type: 'string', default: '100' },
      events: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      avoid: { type: 'string', default: '' },
      device: { type: 'boolean', default: false },
      heap: { type: 'boolean', default: false },
      'linux-twice': { type: 'boolean', default: false },
      'no-save': { type: 'boolean', default: false },
      show: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE, 0);
  if (values.device && values.heap) return say('linux-truth: --device and --heap: expected one of them\n', 2);
  const missing = values.device ? whyNoDevice() : whyNoRunner();
  if (missing !== undefined) return say(`linux-truth: ${missing}\n`, 2);
  if (values.show !== undefined) return show(values.show);
  const twice = values['linux-twice'];
  const seed = wholeNumber(values.seed, '--seed');
  const real = linux();
  const result = await search({
    scripts: wholeNumber(values.scripts, '--scripts'),
    events: wholeNumber(values.events, '--events'),
    seed,
    device: values.device,
    heap: values.heap,
    avoid: [...(hasSwap() ? ['pageout'] : []), ...values.avoid.split(',').filter((word) => word !== '')],
    linux: real,
    model: twice ? real : model,
    progress: progressLine(wholeNumber(values.scripts, '--scripts'), process.stderr),
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (result.found === undefined)
    return say(`${result.ran} scripts of ${values.events} events, seed ${seed}: no difference\n`, 0);
  const { script, difference } = result.found;
  const remark = `${printDifference(difference)}\nfound as script ${result.ran} of seed ${seed}`;
  const saved = values['no-save'] ? '' : `\nsaved as ${saveScript(script, remark)}`;
  return say(`${script}\n${remark}${saved}\n`, 1);
}

async function show(file: string): Promise<number> {
  const script = readFileSync(file, 'utf8');
  const run = await (linux() satisfies Side)(script);
  return say(`${annotate(script, run)}\n${run.stderr}`, run.status ?? 3);
}

function wholeNumber(text: string, option: string): number {
  if (!/^[0-9]+$/.test(text)) throw new RangeError(`${option}: found "${text}", expected a whole number`);
  return Number(text);
}

function say(text: string, status: number): number {
  process.stdout.write(text);
  return status;
}
