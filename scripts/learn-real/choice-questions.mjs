/**
 * @file Made-up multiple choice that wants words: what the words of a question mean decides, and there is nothing to compute.
 * Beside swaps, where programs pay, and commonsenseqa-train it shows a designer that options alone do not call for a program.
 */
import { Random } from "../../dist/core/random.js";

const LETTERS = "ABCDE";
const SIZES = { train: 120, validation: 40, test: 40 };

/** Kinds and things of that kind; no thing belongs to two. */
const KINDS = {
  animal: ["horse", "rabbit", "whale", "eagle", "spider", "frog", "camel", "beaver"],
  fruit: ["apple", "cherry", "banana", "plum", "grape", "mango", "pear", "lemon"],
  tool: ["hammer", "saw", "screwdriver", "drill", "pliers", "chisel", "wrench", "file"],
  "piece of clothing": ["shirt", "scarf", "coat", "sock", "glove", "skirt", "sweater", "belt"],
  "musical instrument": ["violin", "flute", "drum", "trumpet", "piano", "harp", "guitar", "oboe"],
  vehicle: ["bus", "bicycle", "truck", "ferry", "tram", "van", "train", "canoe"],
  "part of the body": ["elbow", "knee", "ear", "thumb", "shoulder", "ankle", "nose", "chin"],
  "piece of furniture": ["chair", "wardrobe", "sofa", "desk", "shelf", "bed", "stool", "bench"],
};

/** Jobs and what whoever has one does all day. */
const JOBS = {
  baker: "makes bread before the sun is up",
  nurse: "looks after people in a hospital",
  mechanic: "repairs the engines of cars",
  teacher: "explains fractions to children",
  farmer: "grows wheat and keeps cows",
  pilot: "flies planes to other countries",
  tailor: "sews coats and dresses",
  lawyer: "speaks for people in court",
  gardener: "plants roses and cuts hedges",
  fisherman: "goes out with a boat and nets",
};
const NAMES = ["Ada", "Bela", "Chen", "Dora", "Emil", "Fadi", "Greta", "Hugo", "Ines", "Jonas"];

const PLACES = ["restaurant", "hotel", "film", "book", "concert", "shop", "museum", "train journey"];
const PRAISE = [
  "I would come back at any time",
  "everything was better than I had hoped",
  "the staff could not have been kinder",
  "it was worth every cent",
  "I have told all my friends to go",
  "we smiled the whole evening",
];
const BLAME = [
  "I will never come back",
  "nothing was as it had been promised",
  "the staff were rude to us",
  "it was a waste of money",
  "I have warned all my friends",
  "we left before the end",
];
const FEELINGS = ["positive", "negative"];

/** Of each family: what a designer is told, and one question with its options and the place of the right one. */
const FAMILIES = {
  kinds: {
    title: "Things and kinds (generated)",
    description:
      "Four things are named; the one that is of a given kind is asked. The answer is the letter of one option.",
    make(random) {
      const [asked, ...others] = random.shuffle(Object.keys(KINDS)).slice(0, 4);
      const right = random.pick(KINDS[asked]);
      const choices = random.shuffle([right, ...others.map((kind) => random.pick(KINDS[kind]))]);
      const article = /^[aeiou]/.test(asked) ? "an" : "a";
      return {
        question: `Which of these is ${article} ${asked}?`,
        choices,
        right: choices.indexOf(right),
      };
    },
  },
  jobs: {
    title: "People and jobs (generated)",
    description:
      "It is told what some people do all day; who has a given job is asked. The answer is the letter of one option.",
    make(random) {
      const jobs = random.shuffle(Object.keys(JOBS)).slice(0, 3);
      const people = random.shuffle(NAMES).slice(0, 3);
      const right = random.integer(0, jobs.length - 1);
      const told = jobs.map((job, index) => `${people[index]} ${JOBS[job]}.`).join(" ");
      return { question: `${told} Who is the ${jobs[right]}?`, choices: people, right };
    },
  },
  reviews: {
    title: "Reviews (generated)",
    description:
      "A short review is quoted; whether it is positive or negative is asked. The answer is the letter of one option.",
    make(random) {
      const right = random.integer(0, 1);
      const [first, second] = random.shuffle([PRAISE, BLAME][right]);
      const place = random.pick(PLACES);
      return {
        question: `Somebody writes about a ${place}: "${capital(first)}, and ${second}." Is this review positive or negative?`,
        choices: FEELINGS,
        right,
      };
    },
  },
};

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/** Names of the families. */
export const CHOICE_FAMILIES = Object.keys(FAMILIES);

/** @returns content of a dataset; no question stands in it twice. @param {string} name - one of CHOICE_FAMILIES */
export function choiceQuestions(name, sizes = SIZES) {
  const { title, description, make } = FAMILIES[name];
  const random = new Random(1);
  const seen = new Set();
  const splits = {};
  for (const [split, count] of Object.entries(sizes)) {
    splits[split] = [];
    while (splits[split].length < count) {
      const { question, choices, right } = make(random);
      const key = `${question} ${choices}`;
      if (seen.has(key)) continue;
      seen.add(key);
      splits[split].push({
        id: `${name}/${split}/${splits[split].length}`,
        question,
        choices,
        answer: LETTERS[right],
      });
    }
  }
  return { manifest: { name, title, kind: "choice", metric: "choice", description }, splits };
}
