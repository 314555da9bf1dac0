/**
 * @file Writes datasets/creative-writing: every request is put together from a subject and its constraints, so that text and
 * checks cannot drift apart. node scripts/make-writing-dataset.mjs [FOLDER] (after `make build`)
 */
import { fileURLToPath } from "node:url";
import { writeDataset } from "../dist/tasks/write-dataset.js";
import { POEMS, STORIES, TUNES } from "./writing-subjects.mjs";

const PER_SPLIT = { story: 6, poem: 6, tune: 4 };
const ORDER = ["train", "validation", "test"];
const NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");
const number = (value) => NUMBERS[value] ?? String(value);
const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
const list = (words) => words.map((word) => `"${word}"`).join(", ");

/** `between 60 and 120 words`, `exactly four lines`. */
function amount(range, noun) {
  if (typeof range === "number") return `exactly ${plural(range, noun)}`;
  if (range.max === undefined) return `at least ${plural(range.min, noun)}`;
  if (range.min === undefined) return `at most ${plural(range.max, noun)}`;
  return `between ${number(range.min)} and ${number(range.max)} ${noun}s`;
}

/** Sentences that say every constraint of a story or a poem. */
function requirements(c) {
  const have = [];
  if (c.stanzas !== undefined) have.push(amount(c.stanzas, "stanza"));
  if (c.paragraphs !== undefined) have.push(amount(c.paragraphs, "paragraph"));
  if (c.lines !== undefined) have.push(amount(c.lines, "line"));
  if (c.sentences !== undefined) have.push(amount(c.sentences, "sentence"));
  if (c.words !== undefined) have.push(amount(c.words, "word"));
  const out = have.length > 0 ? [`Write ${have.join(" and ")}.`] : [];
  if (c.linesPerStanza !== undefined)
    out.push(`Every stanza has ${amount(c.linesPerStanza, "line")}; leave an empty line between stanzas.`);
  else if (c.stanzas !== undefined || c.paragraphs !== undefined)
    out.push(`Leave an empty line between ${c.stanzas === undefined ? "paragraphs" : "stanzas"}.`);
  if (c.wordsPerLine !== undefined) out.push(`Every line has ${amount(c.wordsPerLine, "word")}.`);
  if (c.require) out.push(`Use ${c.require.length > 1 ? "these words" : "the word"}: ${list(c.require)}.`);
  if (c.forbid)
    out.push(`Do not use ${c.forbid.length > 1 ? "any of these words" : "the word"}: ${list(c.forbid)}.`);
  if (c.withoutLetter) out.push(`No word may contain the letter "${c.withoutLetter}".`);
  if (c.startsWith) out.push(`Begin with "${c.startsWith}".`);
  if (c.endsWith) out.push(`End with "${c.endsWith}".`);
  if (c.pointOfView === "first") out.push("Tell it in the first person.");
  if (c.pointOfView === "second") out.push('Tell it in the second person, to "you".');
  if (c.pointOfView === "third") out.push("Tell it in the third person; the narrator never says I or we.");
  if (c.acrostic) out.push(`The first letters of the lines, read downwards, spell ${c.acrostic}.`);
  if (c.refrain) out.push("The last line of every stanza is the same.");
  if (c.quotes !== undefined)
    out.push(`Put what is spoken into quotation marks: ${amount(c.quotes, "passage")} of speech.`);
  return out;
}

function tuneRequest({ title, tune: t }) {
  const out = [`Write a short tune called "${title}" in ABC notation.`];
  out.push(
    "Give the header lines X:, T:, M:, L: and K:, then the music, one part, with a bar line after every bar.",
  );
  out.push(`The key is ${t.key}, the meter ${t.meter}; every bar must be full.`);
  if (t.bars !== undefined) out.push(`The music has ${amount(t.bars, "bar")}.`);
  if (t.lowest || t.highest)
    out.push(`No note lies below ${t.lowest} or above ${t.highest} (as ABC writes them).`);
  if (t.endsOnTonic) out.push("The last note is the tonic of the key.");
  if (t.repeats) out.push("Use at least one repeat sign.");
  return out.join(" ");
}

const KINDS = {
  story: {
    items: STORIES,
    ask: ({ about, ...c }) => [`Write a very short story about ${about}.`, ...requirements(c)].join(" "),
  },
  poem: {
    items: POEMS,
    ask: ({ about, ...c }) => [`Write a poem about ${about}.`, ...requirements(c)].join(" "),
  },
  tune: { items: TUNES, ask: tuneRequest },
};

const splits = Object.fromEntries(ORDER.map((split) => [split, []]));
for (const [form, { items, ask }] of Object.entries(KINDS)) {
  for (const [index, item] of items.entries()) {
    const split = ORDER[Math.floor(index / PER_SPLIT[form])];
    const { about: _, ...constraints } = item;
    splits[split].push({ question: ask(item), constraints: { form, ...constraints }, meta: { form } });
  }
}
for (const split of ORDER) {
  // The three forms take turns, so that the head of a split holds all of them.
  const byForm = Object.keys(KINDS).map((form) => splits[split].filter(({ meta }) => meta.form === form));
  const mixed = Array.from({ length: 6 }, (_, i) => byForm.flatMap((group) => group[i] ?? [])).flat();
  splits[split] = mixed.map((line, i) => ({
    id: `creative-writing/${split}/${String(i + 1).padStart(4, "0")}`,
    ...line,
  }));
}
const folder = process.argv[2] ?? fileURLToPath(new URL("../datasets/creative-writing", import.meta.url));
const manifest = {
  name: "creative-writing",
  title: "Short creative writing under constraints",
  description:
    "A story, a poem or a tune in ABC notation to write; the request states constraints that are checked, such as length, words, point of view, key. The answer is the finished text and nothing else.",
  kind: "text",
  metric: "writing",
  license: "Apache-2.0",
  notes:
    "Written for this project: six stories, six poems and four tunes a split. Made by scripts/make-writing-dataset.mjs.",
};
await writeDataset(folder, { manifest, splits }, { overwrite: true });
process.stdout.write(`${folder}: ${ORDER.map((split) => `${splits[split].length} ${split}`).join(", ")}\n`);
