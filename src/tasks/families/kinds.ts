/** @file Family: which of some things is of a kind. What words mean decides; there is nothing to compute. */
import { type FamilyDefinition, optionLetter, scaled } from "./family.js";

/** Kinds and things of each; no thing belongs to two. */
const KINDS = {
  animal: ["horse", "rabbit", "whale", "eagle", "spider", "frog", "camel", "beaver"],
  fruit: ["apple", "cherry", "banana", "plum", "grape", "mango", "pear", "lemon"],
  tool: ["hammer", "saw", "screwdriver", "drill", "pliers", "chisel", "wrench", "file"],
  "piece of clothing": ["shirt", "scarf", "coat", "sock", "glove", "skirt", "sweater", "belt"],
  "musical instrument": ["violin", "flute", "drum", "trumpet", "piano", "harp", "guitar", "oboe"],
  vehicle: ["bus", "bicycle", "truck", "ferry", "tram", "van", "train", "canoe"],
  "part of the body": ["elbow", "knee", "ear", "thumb", "shoulder", "ankle", "nose", "chin"],
  "piece of furniture": ["chair", "wardrobe", "sofa", "desk", "shelf", "bed", "stool", "bench"],
} as const;
type Kind = keyof typeof KINDS;

interface KindsProblem {
  asked: Kind;
  /** Things in the order of the options, one of the kind asked for. */
  things: { thing: string; kind: Kind }[];
}

const withArticle = (words: string) => `${/^[aeiou]/.test(words) ? "an" : "a"} ${words}`;

export const kinds: FamilyDefinition<KindsProblem> = {
  name: "kinds",
  title: "Things and kinds (generated)",
  kind: "choice",
  metric: "choice",
  description:
    "Some things are named; the one that is of a given kind is asked. The answer is the letter of one option.",
  version: 1,

  make(random, difficulty) {
    const chosen = random.shuffle(Object.keys(KINDS) as Kind[]).slice(0, scaled(difficulty, 3, 6));
    const things = chosen.map((kind) => ({ thing: random.pick(KINDS[kind]), kind }));
    return { asked: chosen[0]!, things: random.shuffle(things) };
  },

  solve({ asked, things }) {
    const right = things.findIndex(({ kind }) => kind === asked);
    const others = things.filter(({ kind }) => kind !== asked);
    return {
      answer: optionLetter(right),
      steps: [
        ...others.map(({ thing, kind }) => `${thing}: ${withArticle(kind)}`),
        `${things[right]!.thing}: ${withArticle(asked)}`,
      ],
    };
  },

  slips({ things }) {
    return things.map((_, index) => optionLetter(index));
  },

  render({ asked, things }) {
    return {
      question: `Which of these is ${withArticle(asked)}?`,
      choices: things.map(({ thing }) => thing),
    };
  },
};
