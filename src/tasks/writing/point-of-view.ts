/** @file Who tells a story: counted from the pronouns outside quotation marks. */
import { foldWord, outsideQuotes, wordsOf } from "./text-parts.js";

const FIRST = new Set(["i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves"]);
const SECOND = new Set(["you", "your", "yours", "yourself", "yourselves"]);

/**
 * "first" as soon as the narrator says I or we; else "second" when "you" stands in at least one of 40 words; else "third".
 * A hint and no proof: "us" in a title counts, and a story without any person is in the third.
 */
export function pointOfViewOf(text: string): "first" | "second" | "third" {
  // "I'm" and "we'll" are I and we; a Roman numeral behind a name is a risk that stays.
  const words = wordsOf(outsideQuotes(text)).map((word) => foldWord(word).replace(/'(?:m|ve|d|ll|re)$/, ""));
  if (words.some((word) => FIRST.has(word))) return "first";
  const second = words.filter((word) => SECOND.has(word)).length;
  return second > 0 && second * 40 >= words.length ? "second" : "third";
}
