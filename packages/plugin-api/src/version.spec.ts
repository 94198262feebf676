import { API_VERSION, checkApiRange } from './version.ts';

describe('the API range of a plugin', () => {
  it.each([
    ['^1.0.0', '1.0.0'],
    ['^1.0.0', '1.7.3'],
    ['~1.2.0', '1.2.9'],
    ['>=1.1.0 <3.0.0', '2.4.0'],
    ['^0.9.0 || ^1.0.0', '1.2.0'],
    ['1.0.0', '1.0.0'],
    ['=1.0.0', '1.0.0'],
    ['<=1.0.0', '1.0.0'],
    ['^0.2.1', '0.2.9'],
    ['^0.0.3', '0.0.3'],
  ])('%s may attach to a machine of %s', (range, version) => {
    expect(checkApiRange(range, version)).toBeUndefined();
  });

  it.each([
    ['^2.0.0', '1.0.0'],
    ['^1.1.0', '1.0.0'],
    ['^1.0.0', '2.0.0'],
    ['~1.2.0', '1.3.0'],
    ['>1.0.0', '1.0.0'],
    ['>=1.1.0 <2.0.0', '2.0.0'],
    ['^0.2.1', '0.3.0'],
    ['^0.0.3', '0.0.4'],
    ['<1.0.0', '1.0.0'],
  ])('%s is refused by a machine of %s, and both are named', (range, version) => {
    const mismatch = checkApiRange(range, version);
    expect(mismatch).toMatchObject({ wanted: range, found: version });
    expect(mismatch?.message).toContain(range);
    expect(mismatch?.message).toContain(version);
  });

  it.each(['', 'latest', '1.x', '^1', '1.0', '^1.0.0-beta'])('"%s" is no range', (range) => {
    expect(checkApiRange(range)?.message).toContain(`found "${range}"`);
  });

  it('is checked against this contract unless told otherwise', () => {
    expect(checkApiRange(`^${API_VERSION}`)).toBeUndefined();
  });

  it('needs a version to compare with', () => {
    expect(() => checkApiRange('^1.0.0', 'one')).toThrow('found "one"');
  });
});
