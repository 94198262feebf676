/** Where a JSON value ends that stands in the middle of a line: it may hold blanks and `#`. */

/** Index behind the value that begins at `start`; the end of the text where brackets or quotes stay open. */
export function jsonEnd(text: string, start: number): number {
  const first = text[start];
  if (first !== '{' && first !== '[' && first !== '"') {
    const blank = text.slice(start).search(/\s/);
    return blank < 0 ? text.length : start + blank;
  }
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (!quoted && depth === 0) return i + 1;
  }
  return text.length;
}
