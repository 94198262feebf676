/**
 * Random scripts on the real kernel and on the model. The seed is a new one each time and is printed when something is
 * found; LINUX_TRUTH_SEED repeats it.
 */
import { printDifference } from '../src/compare.ts';
import { whyNoDevice, whyNoRunner } from '../src/compile.ts';
import { hasSwap, linux } from '../src/linux.ts';
import { model } from '../src/model.ts';
import { search } from '../src/search.ts';
import { describeIf } from './needs.ts';

const seed = Number(process.env['LINUX_TRUTH_SEED'] ?? Date.now() % 2 ** 31);

async function expectNoDifference(scripts: number, where: 'anywhere' | 'device' | 'heap'): Promise<void> {
  const avoid = hasSwap() ? ['pageout'] : [];
  const [device, heap] = [where === 'device', where === 'heap'];
  const { found } = await search({ scripts, events: 200, device, heap, seed, avoid, linux: linux(), model });
  if (found === undefined) return;
  throw new Error(`seed ${seed}, ${where}\n${found.script}\n${printDifference(found.difference)}`);
}

describeIf(whyNoDevice(), 'random scripts of 200 events with a device', () => {
  it('answer the same on Linux and on the model, 70 of them', () => expectNoDifference(70, 'device'), 600_000);
});

describeIf(whyNoRunner(), 'random scripts of 200 events', () => {
  const scripts = whyNoDevice() === undefined ? 30 : 100;
  it(
    `answer the same on Linux and on the model, ${scripts} of them`,
    () => expectNoDifference(scripts, 'anywhere'),
    600_000,
  );

  it('answer the same about the heap, 20 of them', () => expectNoDifference(20, 'heap'), 600_000);
});
