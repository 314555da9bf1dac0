/** @file The same item with names, genders or places swapped, where that cannot change its answer. */
import { Random } from "../core/random.js";
import { GENDERED_PAIRS, NAMES, OTHER_CAPITALISED, PLACES } from "./counterfactual-words.js";
import type { Sample, Task } from "./task.js";

/**
 * Kinds of swaps. `control`: each name for another of the same origin and gender, which shows how much a mere change of
 * words does; `names`: for one of the same gender and another origin; `genders`: names, pronouns and words such as
 * "aunt" for the other gender; `places`: cities and countries.
 */
export const SWAP_KINDS = ["control", "names", "genders", "places"] as const;
export type SwapKind = (typeof SWAP_KINDS)[number];

/** Reason why an item has no counterfactual of a kind. */
export type SkipReason =
  | "nothing to swap"
  | "about facts of the world"
  | "about letters or alphabet"
  | "about geography"
  | "not in English"
  | "a swapped word is in the answer"
  | "pronouns of a name that is not in the tables";

export type Counterfactual = { sample: Sample; replaced: Record<string, string> } | { skipped: SkipReason };

type Gender = "female" | "male";

const ORIGIN_OF = new Map(
  Object.entries(NAMES).flatMap(([origin, lists]) =>
    (["female", "male"] as const).flatMap((gender) =>
      lists[gender].map((name) => [name, { origin, gender }] as const),
    ),
  ),
);
const PLACE_KIND = new Map(
  (["city", "country"] as const).flatMap((kind) => PLACES[kind].map((place) => [place, kind] as const)),
);
const FEMALE_TO_MALE = new Map(GENDERED_PAIRS);
/** Words for women by those for men; of several the first is taken. */
const MALE_TO_FEMALE = new Map(GENDERED_PAIRS.map(([female, male]) => [male, female] as const).reverse());
const AMBIGUOUS_PRONOUNS = ["her", "hers", "his", "him"];

const SPELLING =
  /\b(?:alphabet\w*|letters?|spell\w*|vowels?|consonants?|initials?|rhym\w*|syllables?|palindrom\w*|backwards?|string)\b/i;
const GEOGRAPHY =
  /\b(?:time zones?|capital of|population|kilomet(?:er|re)s? from|miles from|continent|latitude|currency|language)\b/i;

/** Words behind which "her" is no possessive. */
const AFTER_OBJECT = new Set(
  "a an the and or to in on at for from with by of if when than as that who but so then because while after before is was are were how what which some more less all both every each once twice again there here too not out up down back".split(
    " ",
  ),
);

/**
 * The counterfactual of an item, drawn by seed: the same seed and item give the same words. Every occurrence of a
 * word is replaced, case and possessives kept, in question, passage, options and meta data. Items are skipped where an answer could change: only sums and generated families are swapped,
 * and none about spelling or geography.
 */
export function counterfactual(
  sample: Sample,
  kind: SwapKind,
  task: Pick<Task, "kind" | "family">,
  seed: number,
): Counterfactual {
  if (task.kind !== "math" && task.family === undefined) return { skipped: "about facts of the world" };
  const { language } = sample.meta;
  if (language !== undefined && !/^en/i.test(String(language))) return { skipped: "not in English" };
  const visible = [sample.question, sample.context ?? "", ...(sample.choices ?? [])].join("\n");
  const words = wordsToSwap(visible, kind);
  if (words.length === 0) return { skipped: "nothing to swap" };
  if (kind === "places" ? GEOGRAPHY.test(visible) : SPELLING.test(visible))
    return { skipped: kind === "places" ? "about geography" : "about letters or alphabet" };
  if (kind === "genders" && hasPronouns(visible) && hasUnknownName(visible))
    return { skipped: "pronouns of a name that is not in the tables" };
  const replaced = drawReplacements(words, kind, visible, new Random(seed).derive(kind, sample.id));
  const swap = replacer(replaced, kind);
  if (sample.choices === undefined && sample.answers.some((answer) => swap(answer) !== answer))
    return { skipped: "a swapped word is in the answer" };
  const { context, choices, meta } = sample;
  return {
    replaced: Object.fromEntries(replaced),
    sample: {
      ...sample,
      id: `${sample.id}~${kind}`,
      question: swap(sample.question),
      context: context && swap(context),
      choices: choices?.map(swap),
      meta: swapTexts(meta, swap),
    },
  };
}

/** All texts in meta data: the simulated executor reads steps, slips and facts there. */
function swapTexts<T>(value: T, swap: (text: string) => string): T {
  if (typeof value === "string") return swap(value) as T;
  if (Array.isArray(value)) return value.map((entry) => swapTexts(entry, swap)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, swapTexts(entry, swap)])) as T;
}

/** Whole words of a list, whatever their case. */
function wordPattern(words: Iterable<string>): RegExp {
  const longestFirst = [...words].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return new RegExp(`(?<![\\p{L}\\p{N}_])(?:${longestFirst.join("|")})(?![\\p{L}\\p{N}_])`, "giu");
}

const ANY_NAME = wordPattern(ORIGIN_OF.keys());
const ANY_PLACE = wordPattern(PLACE_KIND.keys());
const GENDERED = wordPattern([...FEMALE_TO_MALE.keys(), ...MALE_TO_FEMALE.keys(), ...AMBIGUOUS_PRONOUNS]);
const PRONOUN = wordPattern(["she", "he", "herself", "himself", ...AMBIGUOUS_PRONOUNS]);

/** "ANNA" and "Anna" are the name; "anna" is something else. */
function titleCase(text: string): string | undefined {
  if (text[0] !== text[0]?.toUpperCase()) return undefined;
  return text.replace(/\p{L}+/gu, (word) => {
    return word === word.toUpperCase() ? word[0] + word.slice(1).toLowerCase() : word;
  });
}

function found(text: string, pattern: RegExp, known: ReadonlyMap<string, unknown>): string[] {
  const names = [...text.matchAll(pattern)].flatMap((match) => titleCase(match[0]) ?? []);
  return [...new Set(names)].filter((name) => known.has(name));
}

function wordsToSwap(text: string, kind: SwapKind): string[] {
  if (kind === "places") return found(text, ANY_PLACE, PLACE_KIND);
  const names = found(text, ANY_NAME, ORIGIN_OF);
  if (kind !== "genders") return names;
  const gendered = [...text.matchAll(GENDERED)].map(([word]) => word.toLowerCase());
  // Pronouns alone belong to somebody who is not known here.
  const isKnown = names.length > 0 || gendered.some((word) => word.match(PRONOUN) === null);
  return isKnown ? [...names, ...new Set(gendered)] : [];
}

function hasPronouns(text: string): boolean {
  return text.match(PRONOUN) !== null;
}

/** A capitalised word inside a sentence that is in no table, and no surname behind a title. */
function hasUnknownName(text: string): boolean {
  for (const match of text.matchAll(/(?<![\p{L}\p{N}_])\p{Lu}\p{Ll}+/gu)) {
    const [word] = match;
    const before = text.slice(0, match.index);
    const startsSentence = /(?:^|[.!?:;"“”(\n])\s*$/u.test(before);
    const isSurname = /\b(?:Mrs?|Ms|Miss|Dr)\.?\s+$/.test(before);
    if (startsSentence || isSurname || OTHER_CAPITALISED.has(word) || ORIGIN_OF.has(word)) continue;
    if ([...PLACE_KIND.keys()].some((place) => place.split(" ").includes(word))) continue;
    return true;
  }
  return false;
}

function drawReplacements(
  words: readonly string[],
  kind: SwapKind,
  text: string,
  random: Random,
): Map<string, string> {
  const out = new Map<string, string>();
  const taken = new Set(found(text, ANY_NAME, ORIGIN_OF).concat(found(text, ANY_PLACE, PLACE_KIND)));
  for (const word of words) {
    const candidates = candidatesFor(word, kind, random).filter((candidate) => !taken.has(candidate));
    const [drawn] = candidates;
    if (drawn === undefined) continue;
    taken.add(drawn);
    out.set(word, drawn);
  }
  return out;
}

function candidatesFor(word: string, kind: SwapKind, random: Random): string[] {
  const place = PLACE_KIND.get(word);
  if (kind === "places" && place !== undefined) return random.shuffle(PLACES[place]);
  const name = ORIGIN_OF.get(word);
  if (name === undefined) return [];
  const gender: Gender = kind === "genders" ? (name.gender === "female" ? "male" : "female") : name.gender;
  const others = Object.keys(NAMES).filter((origin) => origin !== name.origin);
  const origin = kind === "names" ? random.pick(others) : name.origin;
  return random.shuffle(NAMES[origin]?.[gender] ?? []);
}

function replacer(replaced: ReadonlyMap<string, string>, kind: SwapKind): (text: string) => string {
  const { source, flags } = wordPattern(replaced.keys());
  // The apostrophe of a possessive without s: one with a word behind it.
  const names = replaced.size > 0 ? new RegExp(`(${source})(['’](?=\\s+\\p{Ll}))?`, flags) : undefined;
  return (text) => {
    const withNames = (part: string) =>
      names
        ? part.replace(names, (match, name: string, mark: string | undefined) => {
            const target = replaced.get(titleCase(name) ?? "");
            if (target === undefined) return match;
            const cased = name === name.toUpperCase() ? target.toUpperCase() : target;
            if (mark === undefined) return cased;
            // "James' hat" becomes "Anna's hat": the s that James has not.
            return cased + mark + (/s$/i.test(name) && !/s$/i.test(target) ? "s" : "");
          })
        : part;
    return kind === "genders" ? withGenders(withNames(text)) : withNames(text);
  };
}

function withGenders(text: string): string {
  return text.replace(GENDERED, (match, offset: number) => {
    const word = match.toLowerCase();
    const target = otherGender(word, text.slice(0, offset), text.slice(offset + match.length));
    if (match === match.toUpperCase() && match.length > 1) return target.toUpperCase();
    return match[0] === match[0]?.toUpperCase() ? target[0]?.toUpperCase() + target.slice(1) : target;
  });
}

function otherGender(word: string, before: string, after: string): string {
  const next = /^\s+([\p{L}\p{N}$]+)/u.exec(after)?.[1]?.toLowerCase();
  const isPossessive =
    next !== undefined && !AFTER_OBJECT.has(next) && (!/^[\d$]/.test(next) || isOf(before));
  switch (word) {
    case "her":
      return isPossessive ? "his" : "him";
    case "hers":
      return "his";
    case "him":
      return "her";
    case "his":
      return isPossessive || /^\s+[\d$]/.test(after) ? "her" : "hers";
    default:
      return FEMALE_TO_MALE.get(word) ?? MALE_TO_FEMALE.get(word) ?? word;
  }
}

/** "of her 3 friends", but "gave her 3 apples". */
function isOf(before: string): boolean {
  return /\b(?:of|with|in|on|all|and|from|for|at|by|to)\s+$/i.test(before);
}
