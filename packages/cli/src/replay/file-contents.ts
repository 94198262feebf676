/** What the files of a recording hold: a recording says how long they are, not what is in them. */

/** Fills page `index` of the file with words that no other page of any file has. */
export type PageFiller = (index: number, into: Uint8Array) => void;

export function fileContents(name: string): PageFiller {
  const seed = hash(name);
  return (index, into) => {
    const words = new Int32Array(into.buffer, into.byteOffset, into.length >>> 2);
    let word0 = next((seed ^ Math.imul(index + 1, 0x9e3779b1)) | 0);
    let word1 = next(word0);
    let word2 = next(word1);
    let word3 = next(word2);
    for (let at = 0; at < words.length; at += 4) {
      words[at] = word0;
      words[at + 1] = word1;
      words[at + 2] = word2;
      words[at + 3] = word3;
      word0 = (Math.imul(word0, FOUR_FACTOR) + FOUR_SUMMAND) | 0;
      word1 = (Math.imul(word1, FOUR_FACTOR) + FOUR_SUMMAND) | 0;
      word2 = (Math.imul(word2, FOUR_FACTOR) + FOUR_SUMMAND) | 0;
      word3 = (Math.imul(word3, FOUR_FACTOR) + FOUR_SUMMAND) | 0;
    }
  };
}

const FACTOR = 1664525;
const SUMMAND = 1013904223;

/** The word behind another. */
function next(word: number): number {
  return (Math.imul(word, FACTOR) + SUMMAND) | 0;
}

/** Four steps of `next` at once: four words that do not wait for each other. */
const FOUR_FACTOR: number = [1, 2, 3].reduce((product) => Math.imul(product, FACTOR), FACTOR);
const FOUR_SUMMAND: number = next(next(next(next(0))));

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}
