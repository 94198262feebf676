/** What the files of a recording hold: a recording says how long they are, not what is in them. */

/** Fills page `index` of the file with words that no other page of any file has. */
export type PageFiller = (index: number, into: Uint8Array) => void;

export function fileContents(name: string): PageFiller {
  const seed = hash(name);
  return (index, into) => {
    let word = (seed ^ Math.imul(index + 1, 0x9e3779b1)) | 0;
    const words = new Uint32Array(into.buffer, into.byteOffset, into.length >>> 2);
    for (let at = 0; at < words.length; at++) words[at] = word = (Math.imul(word, 1664525) + 1013904223) | 0;
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}
