/** Every script of scripts/ on the real kernel and on the model: topics, and every difference that was ever found. */
import { compare, isDifference, printDifference } from '../src/compare.ts';
import { whyNoDevice, whyNoRunner } from '../src/compile.ts';
import { linux } from '../src/linux.ts';
import { model } from '../src/model.ts';
import { savedScripts } from '../src/save.ts';
import { describeIf } from './needs.ts';

const saved = savedScripts();
const needsDevice = (script: string): boolean => script.includes('machine attach');

function itIsSame(scripts: readonly { readonly name: string; readonly script: string }[]): void {
  it.each(scripts.map(({ name, script }) => [name, script]))(
    '%s',
    async (_name, script) => {
      const comparison = await compare(script, { linux: linux(), model });
      expect(isDifference(comparison) ? printDifference(comparison) : comparison).toBe('same');
    },
    60_000,
  );
}

describeIf(whyNoRunner(), 'known scripts', () => itIsSame(saved.filter(({ script }) => !needsDevice(script))));

describeIf(whyNoDevice(), 'known scripts with a device', () =>
  itIsSame(saved.filter(({ script }) => needsDevice(script))),
);
