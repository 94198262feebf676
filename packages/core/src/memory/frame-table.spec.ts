import { FrameTable, METADATA_BYTES_PER_FRAME } from './frame-table.ts';

describe('the frame table', () => {
  it('takes what its header says, and less than struct page', () => {
    const arrays = Object.values(new FrameTable(16)) as Int32Array[];
    const tlbReach = 2;
    const bytes = arrays.reduce((sum, array) => sum + array.BYTES_PER_ELEMENT, tlbReach);
    expect(bytes).toBe(METADATA_BYTES_PER_FRAME);
    expect(bytes).toBeLessThanOrEqual(64);
  });
});
