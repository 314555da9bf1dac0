/** @file Words, sentences, lines and stanzas of an English text. */

/** Letters and digits, joined by apostrophes and hyphens: "don't" and "half-lit" are one word, "day—night" is two. */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFC")
      .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’‑-][\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*/gu) ?? []
  );
}

/** Lines that are not empty, trimmed. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Groups of lines between empty ones: the stanzas of a poem, the paragraphs of a story. */
export function stanzasOf(text: string): string[][] {
  return text
    .split(/\n[^\S\n]*\n/)
    .map(linesOf)
    .filter((lines) => lines.length > 0);
}

const ABBREVIATIONS = /\b(?:Mr|Mrs|Ms|Dr|St|Prof|Sr|Jr|vs|etc|e\.g|i\.e|No)\.$/;

/**
 * Sentences: up to . ! ? or … with the quotation marks behind it, before a space and anything but a small letter, or up to
 * the end of a paragraph. Parts without a word are none.
 */
export function sentencesOf(text: string): string[] {
  return stanzasOf(text).flatMap((lines) => {
    const paragraph = lines.join(" ");
    const sentences: string[] = [];
    let start = 0;
    for (const match of paragraph.matchAll(/[.!?…]+["'”’»)\]]*(?=\s+[^\p{Ll}\s])/gu)) {
      const end = match.index + match[0].length;
      const sentence = paragraph.slice(start, end).trim();
      if (ABBREVIATIONS.test(sentence)) continue;
      sentences.push(sentence);
      start = end;
    }
    sentences.push(paragraph.slice(start).trim());
    return sentences.filter((sentence) => wordsOf(sentence).length > 0);
  });
}

/** Lower case, plain apostrophes and hyphens, so that typography does not decide. */
export function foldWord(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/[’ʼ]/g, "'").replace(/[‑‐]/g, "-");
}

/** Words of a text, folded. */
export function foldedWords(text: string): string[] {
  return wordsOf(text).map(foldWord);
}

/** Whether a word or phrase occurs as whole words, one after the other. */
export function hasPhrase(text: string, phrase: string): boolean {
  const words = foldedWords(text);
  const wanted = foldedWords(phrase);
  if (wanted.length === 0) return false;
  return words.some((_, start) => wanted.every((word, i) => words[start + i] === word));
}

/** The text outside quotation marks: what the narrator says. A mark that is not closed hides nothing. */
export function outsideQuotes(text: string): string {
  return text.replace(/"[^"]*"|“[^”]*”|«[^»]*»|„[^“”]*[“”]/g, " ");
}
