import fc from 'fast-check';
import { MappingList } from './mapping-list.ts';

interface Named {
  readonly start: number;
  readonly end: number;
  readonly name: number;
}

const range = fc.record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 20 }) });
const step = fc.record({ range, name: fc.option(fc.nat()) });

describe('a list of mappings', () => {
  it('is what an array with one entry for each address would be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const list = new MappingList<Named>();
        const model: (number | undefined)[] = new Array<undefined>(80).fill(undefined);
        for (const {
          range: { start, length },
          name,
        } of steps) {
          const end = start + length;
          const before = model.slice(start, end).filter((value) => value !== undefined).length;
          const removed = name === null ? list.carve(start, end) : list.put({ start, end, name });
          expect(removed.reduce((sum, piece) => sum + piece.end - piece.start, 0)).toBe(before);
          model.fill(name ?? undefined, start, end);
          const copy = list.clone();
          copy.carve(0, 80);
          for (let at = 0; at < 80; at++) expect(list.find(at)?.name).toBe(model[at]);
          expect(list.bytes()).toBe(model.filter((value) => value !== undefined).length);
          for (let at = 0; at < 80; at++) {
            expect(list.next(at)?.start).toBe(list.all().find((item) => item.start > at)?.start);
          }
        }
      }),
    );
  });
});
