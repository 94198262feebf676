/**
 * Lines of `strace -f`: `[PID ]TIME NAME(ARGS) = RESULT`, in two lines where others came between.
 *
 *     5     1795181547.232424 vfork( <unfinished ...>
 *     5     1795181547.232635 <... vfork resumed>) = 6
 *     6     1795181547.303849 +++ exited with 0 +++
 */

/** A thread did something; `tid` is 0 where the log has none, because there was one thread. */
export type StraceLine = { readonly tid: number } & (
  | { readonly kind: 'call' | 'resumed'; readonly name: string; readonly args: string; readonly result: number }
  | { readonly kind: 'unfinished'; readonly name: string; readonly args: string }
  | { readonly kind: 'ended'; readonly status: number | undefined }
  | { readonly kind: 'note' }
);

const PREFIX = /^(?:\[pid +(\d+)\] |(\d+) +)?(?:(?:\d+\.\d+|\d\d:\d\d:\d\d(?:\.\d+)?) +)?/;

/** `undefined` where it is none. */
export function parseStraceLine(text: string): StraceLine | undefined {
  const prefix = PREFIX.exec(text) as RegExpExecArray;
  const tid = Number(prefix[1] ?? prefix[2] ?? 0);
  const rest = text.slice(prefix[0].length);
  if (/^(--- |strace: |\?{4}\(|<\.\.\. \?{4} )/.test(rest)) return { tid, kind: 'note' };
  const ended = /^\+\+\+ (?:exited with (\d+)|killed by \S+|superseded by execve)/.exec(rest);
  if (ended !== null) return { tid, kind: 'ended', status: ended[1] === undefined ? undefined : Number(ended[1]) };
  const unfinished = /^(\w+)\((.*)<unfinished \.\.\.>$/.exec(rest);
  if (unfinished !== null) return { tid, kind: 'unfinished', name: unfinished[1] ?? '', args: unfinished[2] ?? '' };
  const resumed = /^<\.\.\. (\w+) resumed>(.*)\)\s+= (.+)$/.exec(rest);
  const call = resumed ?? /^(\w+)\((.*)\)\s+= (.+)$/.exec(rest);
  if (call === null) return undefined;
  const [, name = '', args = '', result = ''] = call;
  return { tid, kind: resumed === null ? 'call' : 'resumed', name, args, result: resultOf(result) };
}

/** Negative for errors, NaN for `?`. */
function resultOf(text: string): number {
  return Number(/^(0x[0-9a-f]+|-?\d+)/.exec(text)?.[1] ?? Number.NaN);
}

/** What strace puts behind a descriptor (`-y`). */
const ANNOTATION = /^<.*?>(?=,|\(|$)/;

/** Cuts at the commas that stand in no brackets, no string and no file name. */
export function splitArguments(text: string): string[] {
  const args: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') at += (/^"(?:[^"\\]|\\.)*/.exec(text.slice(at))?.[0] ?? '').length;
    else if (char === '<' && /\d$/.test(text.slice(from, at)))
      at += (ANNOTATION.exec(text.slice(at))?.[0].length ?? 1) - 1;
    else if ('({['.includes(char)) depth++;
    else if (')}]'.includes(char)) depth--;
    else if (char === ',' && depth === 0) {
      args.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === '' ? args : [...args, last];
}
