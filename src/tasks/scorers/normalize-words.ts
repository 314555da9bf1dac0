/** @file Text to bare words, so that case, punctuation and articles do not decide about an answer. */

/** Lower case, no punctuation (but points and minus inside numbers), no articles, single spaces. */
export function normalizeWords(text: string): string[] {
  const plain = text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, "")
    .replace(/[−–](?=\d)/g, "-")
    .replace(/(?<=\d)\.0+(?!\d)/g, "")
    .replace(/(?<!\d)\.|\.(?!\d)|(?<![\s(]|^)-|-(?!\d)|[^\p{L}\p{N}\p{M}\s.-]/gu, " ");
  const words = plain.split(/\s+/).filter((word) => word !== "");
  const kept = words.filter((word) => !ARTICLES.has(word));
  // An answer that is nothing but an article ("A", "the") keeps it.
  return kept.length > 0 ? kept : words;
}

const ARTICLES: ReadonlySet<string> = new Set(["a", "an", "the"]);
