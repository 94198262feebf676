/**
 * The version of this contract and the check that core makes when a plugin attaches. A plugin states the range that it
 * was built for; a mismatch is refused loudly, with both versions.
 */

/** Version of the contract in this package. @public */
export const API_VERSION = '1.1.0';

/** Why a plugin cannot be used with this contract. @public */
export interface ApiMismatch {
  /** The range that the plugin states. */
  readonly wanted: string;
  /** The version that the machine has. */
  readonly found: string;
  /** One line for a person. */
  readonly message: string;
}

type Version = readonly [major: number, minor: number, patch: number];

const EXACT = /^(\d+)\.(\d+)\.(\d+)$/;
const COMPARATOR = /^(\^|~|>=|<=|>|<|=)?(\d+)\.(\d+)\.(\d+)$/;

function parseVersion(text: string): Version | undefined {
  const match = EXACT.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Upper bound (exclusive) of `^v`: the next change of the leftmost number that is not zero. */
function caretEnd(v: Version): Version {
  if (v[0] > 0) return [v[0] + 1, 0, 0];
  return v[1] > 0 ? [0, v[1] + 1, 0] : [0, 0, v[2] + 1];
}

function satisfiesOne(version: Version, comparator: string): boolean | undefined {
  const match = COMPARATOR.exec(comparator);
  if (!match) return undefined;
  const bound: Version = [Number(match[2]), Number(match[3]), Number(match[4])];
  const order = compare(version, bound);
  switch (match[1]) {
    case '^':
      return order >= 0 && compare(version, caretEnd(bound)) < 0;
    case '~':
      return order >= 0 && compare(version, [bound[0], bound[1] + 1, 0]) < 0;
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    case '<':
      return order < 0;
    default:
      return order === 0;
  }
}

/**
 * Checks a plugin's API range against a contract version.
 *
 * A range is one or more comparators joined by blanks (all must hold), alternatives joined by `||`:
 * `^1.0.0`, `~1.2.0`, `>=1.1.0 <3.0.0`, `1.0.0`.
 *
 * @returns `undefined` when the plugin may attach.
 * @public
 */
export function checkApiRange(range: string, version: string = API_VERSION): ApiMismatch | undefined {
  const found = parseVersion(version);
  if (!found) throw new RangeError(`a contract version looks like 1.0.0, found "${version}"`);
  const alternatives = typeof range === 'string' ? range.split('||').map((part) => part.trim()) : [];
  for (const alternative of alternatives) {
    const verdicts = alternative.split(/\s+/).map((comparator) => satisfiesOne(found, comparator));
    if (verdicts.includes(undefined)) {
      const message = `the API range of a plugin looks like "^1.0.0", found "${range}"`;
      return { wanted: range, found: version, message };
    }
    if (verdicts.every(Boolean)) return undefined;
  }
  const message = `the plugin was built for plugin-api ${String(range)}, this machine has ${version}`;
  return { wanted: String(range), found: version, message };
}
