/** @file A search over the texts of a folder: the texts that share the rarest words with the query come first. */
import { readdirSync, readFileSync } from "node:fs";

export const files = ["texts"];

const folder = new URL("texts/", import.meta.url);
const wordsOf = (text) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []);
const texts = readdirSync(folder)
  .sort()
  .map((name) => {
    const text = readFileSync(new URL(name, folder), "utf8").trim();
    return { title: name.replace(".txt", "").replaceAll("-", " "), text, words: wordsOf(text) };
  });

/** Words that few texts hold say more. */
const weight = (word) =>
  Math.log(1 + texts.length / (1 + texts.filter(({ words }) => words.has(word)).length));

export default ({ z }) => [
  {
    name: "search",
    description: "Finds the four texts that fit a query best; gives a list of { title, text }.",
    input: z.object({ query: z.string().min(1) }),
    run({ query }) {
      const asked = [...wordsOf(query)];
      return texts
        .map(({ title, text, words }) => ({
          title,
          text,
          score: asked.filter((word) => words.has(word)).reduce((sum, word) => sum + weight(word), 0),
        }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 4)
        .map(({ title, text }) => ({ title, text }));
    },
  },
];
