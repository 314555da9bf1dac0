/** @file Constraints of writing tasks on tricky texts; every verdict was settled by hand before the code was run. */
import { describe, expect, test } from "vitest";
import { checkText } from "../../../src/tasks/writing/check-text.js";
import { checkTune } from "../../../src/tasks/writing/check-tune.js";
import { constraintsSchema } from "../../../src/tasks/writing/constraints.js";
import { pointOfViewOf } from "../../../src/tasks/writing/point-of-view.js";
import { linesOf, sentencesOf, stanzasOf, wordsOf } from "../../../src/tasks/writing/text-parts.js";
import { isRefusal, writtenText } from "../../../src/tasks/writing/written-text.js";

/** Whether all constraints of this one are kept by the answer, read as the scorer reads it. */
function isKept(answer: unknown, constraints: Record<string, unknown>): boolean {
  const asked = constraintsSchema.parse({ form: "poem", ...constraints });
  return checkText(writtenText(answer, asked.form), asked).every((check) => check.isKept);
}

const HAIKU = "Rain on the old roof\nA cat counts every slow drop\nThe gutter answers";

const CASES: [string, unknown, Record<string, unknown>, boolean][] = [
  // Lines and layout.
  ["three lines", HAIKU, { lines: 3 }, true],
  ["empty lines do not count", HAIKU.replaceAll("\n", "\n\n"), { lines: 3 }, true],
  ["windows line ends", HAIKU.replaceAll("\n", "\r\n"), { lines: 3 }, true],
  ["line separator of unicode", HAIKU.replaceAll("\n", "\u2028"), { lines: 3 }, true],
  ["a fence is no line", `\`\`\`\n${HAIKU}\n\`\`\``, { lines: 3 }, true],
  ["words around a fence are left out", `Here it is:\n~~~text\n${HAIKU}\n~~~\nEnjoy!`, { lines: 3 }, true],
  ["a fence that is never closed", `\`\`\`text\n${HAIKU}`, { lines: 3 }, true],
  ["an answer tag", `Sure!\n<answer>\n${HAIKU}\n</answer>\nThat is all.`, { lines: 3 }, true],
  ["words around without fence or tag count", `Here is your poem:\n${HAIKU}`, { lines: 3 }, false],
  ["{ answer } is unwrapped", { answer: HAIKU }, { lines: 3 }, true],
  ["a list of one is unwrapped", [HAIKU], { lines: 3 }, true],
  ["a list of lines is no text", HAIKU.split("\n"), { lines: 3 }, false],
  ["null is no text", null, { lines: { min: 1 } }, false],
  ["nothing", "", { lines: { min: 1 } }, false],
  ["only spaces", " \n\t\n", { lines: { min: 1 } }, false],
  ["two stanzas", "a b\nc d\n\ne f\ng h", { stanzas: 2, linesPerStanza: 2 }, true],
  ["an empty line of spaces parts stanzas", "a b\nc d\n \t\ne f\ng h", { stanzas: 2 }, true],
  ["three empty lines part stanzas once", "a b\n\n\n\nc d", { stanzas: 2 }, true],
  ["one stanza too long", "a\nb\n\nc\nd\ne", { linesPerStanza: 2 }, false],
  [
    "words of a line, each within",
    "one two three\nfour five six seven",
    { wordsPerLine: { min: 3, max: 4 } },
    true,
  ],
  ["words of a line, one outside", "one two three\nfour five", { wordsPerLine: { min: 3 } }, false],
  ["words of no line", "", { wordsPerLine: { max: 5 } }, false],
  // Words.
  ["exactly five words", "The half-lit lamp doesn't flicker", { words: 5 }, true],
  ["a dash parts words", "day—night, night–day", { words: 4 }, true],
  ["typographic apostrophes and combining marks", "Don’t say cafe\u0301 twice", { words: 4 }, true],
  ["digits are words, emoji are not", "3 birds 🐦 flew 10 miles 🎉", { words: 5 }, true],
  ["cyrillic words count", "снег идёт медленно", { words: 3 }, true],
  ["at most", "one two three", { words: { max: 2 } }, false],
  ["a required word, other case", "The LANTERN burned.", { require: ["lantern"] }, true],
  ["a required word inside another", "The lanterns burned.", { require: ["lantern"] }, false],
  ["a required word before an apostrophe-s", "The lantern's light", { require: ["lantern"] }, false],
  ["a required word with emphasis", "The **lantern** burned.", { require: ["lantern"] }, true],
  ["a required word in quotation marks", "“Lantern”, she read.", { require: ["lantern"] }, true],
  ["a required phrase over a line break", "the open\nroad home", { require: ["open road"] }, true],
  ["a required phrase in another order", "road open", { require: ["open road"] }, false],
  ["a required word with an accent, both forms", "the cafe\u0301 closed", { require: ["café"] }, true],
  ["an accent is a letter of its own", "the cafe closed", { require: ["café"] }, false],
  ["one of two required words", "salt", { require: ["salt", "pepper"] }, false],
  ["a forbidden word", "a Blue boat", { forbid: ["blue"] }, false],
  ["a forbidden word inside another", "a bluebell", { forbid: ["blue"] }, true],
  ["without a letter", "A calm and silent night", { withoutLetter: "z" }, true],
  ["without a letter, capital", "Zinnias bloom", { withoutLetter: "z" }, false],
  ["without a letter, with an accent", "très", { withoutLetter: "e" }, false],
  // Beginning and end.
  ["begins so", "“The last bus,” he said.", { startsWith: "The last bus" }, true],
  ["begins otherwise", "It was the last bus", { startsWith: "The last bus" }, false],
  ["begins with a longer word", "The last buses", { startsWith: "The last bus" }, false],
  [
    "ends so, with another mark",
    "It slept, and then it bloomed!",
    { endsWith: "and then it bloomed." },
    true,
  ],
  ["ends otherwise", "And then it bloomed. Then it died.", { endsWith: "and then it bloomed." }, false],
  ["the end asked for is longer than the text", "bloomed", { endsWith: "it bloomed" }, false],
  // Acrostic and refrain.
  ["acrostic", "Reeds\nIn\nVery\nEarly\nRain", { acrostic: "RIVER" }, true],
  ["acrostic in small letters", "reeds\nin\nvery\nearly\nrain", { acrostic: "RIVER" }, true],
  [
    "acrostic with numbers before every line",
    "1. Moths\n2. Over\n3. Old\n4. Nets",
    { acrostic: "MOON" },
    true,
  ],
  ["acrostic with dashes before every line", "- Moths\n- Over\n- Old\n- Nets", { acrostic: "MOON" }, true],
  [
    "acrostic behind quotation marks and emphasis",
    "**M**oths\n“Over”\n(Old\nÑets",
    { acrostic: "MOON" },
    true,
  ],
  ["acrostic with a line too many", "Moths\nOver\nOld\nNets\nNow", { acrostic: "MOON" }, false],
  ["acrostic with a heading", "MOON\nMoths\nOver\nOld\nNets", { acrostic: "MOON" }, false],
  ["one number is no list", "1. Moths\nOver\nOld\nNets", { acrostic: "MOON" }, false],
  ["refrain, marks and case aside", "a\nHome we go.\n\nb\nhome we go", { refrain: true }, true],
  ["refrain that changes", "a\nhome we go\n\nb\nhome they go", { refrain: true }, false],
  ["refrain of one stanza", "a\nhome we go", { refrain: true }, false],
  // Sentences and speech.
  ["titles do not end sentences", "Mr. Hale met Dr. Ames. They walked.", { sentences: 2 }, true],
  ["three marks end one sentence", "What?! Really... yes. No…", { sentences: 3 }, true],
  ["speech with a tag is one sentence", '"Wait!" she said. He waited.', { sentences: 2 }, true],
  ["speech of its own is a sentence", "“Wait!” She ran.", { sentences: 2 }, true],
  ["numbers with points", "It cost 3.50 in 1.5 hours. Fine.", { sentences: 2 }, true],
  ["a paragraph ends a sentence without a mark", "no mark\n\nat all", { sentences: 2 }, true],
  ["quotations, straight and typographic", '"Come," he said. “No.”', { quotes: 2 }, true],
  ["a single mark is no quotation", 'five " wide', { quotes: { min: 1 } }, false],
  // Point of view.
  ["first person", "The sea was calm. I rowed.", { pointOfView: "first" }, true],
  ["I in speech is not the narrator's", "“I am cold,” said Ann.", { pointOfView: "third" }, true],
  ["I'm and we've", "Later we’ve slept.", { pointOfView: "first" }, true],
  [
    "words that hold pronouns",
    "Mine workers used a bus in Illinois. His wife knew.",
    { pointOfView: "first" },
    true,
  ],
  ["second person", "You open the door. Your keys fall.", { pointOfView: "second" }, true],
  [
    "one you in a long text is not enough",
    `${"He walked on. ".repeat(20)}As you know.`,
    { pointOfView: "third" },
    true,
  ],
  ["third person", "She closed the shop.", { pointOfView: "first" }, false],
];

describe("constraints of texts", () => {
  test("there are enough of them", () => expect(CASES.length).toBeGreaterThanOrEqual(60));

  test.each(CASES)("%s", (_name, answer, constraints, expected) => {
    expect(isKept(answer, constraints)).toBe(expected);
  });

  test("each constraint is one check, with what was found", () => {
    const asked = constraintsSchema.parse({
      form: "story",
      words: { min: 5 },
      require: ["sea", "oar"],
      forbid: ["boat"],
    });
    expect(checkText("A boat at sea", asked)).toEqual([
      { name: "words", isKept: false, found: "4, asked for at least 5" },
      { name: 'with "sea"', isKept: true, found: "it is missing" },
      { name: 'with "oar"', isKept: false, found: "it is missing" },
      { name: 'without "boat"', isKept: false, found: "it occurs" },
    ]);
  });
});

const REFUSALS: [string, boolean][] = [
  ["I'm sorry, but I can't help with that.", true],
  ["I’m sorry, I cannot write poems.", true],
  ["Sorry, I am unable to do this.", true],
  ["As an AI language model, I do not have feelings.", true],
  ["Unfortunately, I can't assist with this request.", true],
  ["I cannot create music.", true],
  ["**I'm sorry**, but I can't do this.", true],
  ["I'm sorry, she wrote, and the ink ran.", false],
  ["I cannot sleep when the wind is high,\nthe harbour lights go rocking by.", false],
  ["I can’t write that story.", true],
  ["Sorry was the word he never said.", false],
  ["She said: I'm sorry, I can't.", false],
  [`I'm sorry, I cannot stay. ${"The train goes on. ".repeat(30)}`, false],
  ["", false],
];

describe("refusals", () => {
  test.each(REFUSALS)("%j: %s", (text, expected) => expect(isRefusal(text)).toBe(expected));
});

const TUNE = "X:1\nT:The Open Road\nM:4/4\nL:1/4\nK:G\n|:GABc|d2B2|cBAG|G4:|\n";
const TUNES: [string, string, Record<string, unknown>, string[]][] = [
  [
    "all kept",
    TUNE,
    { key: "G", meter: "4/4", bars: 4, lowest: "G", highest: "d", endsOnTonic: true, repeats: true },
    [],
  ],
  ["key by its long name", TUNE.replace("K:G", "K:Gmaj"), { key: "G" }, []],
  ["parallel minor", TUNE, { key: "Em" }, ["key Em"]],
  ["another meter", TUNE, { meter: "C" }, ["meter C"]],
  ["too many bars", TUNE, { bars: { max: 3 } }, ["bars"]],
  ["too low by a semitone", TUNE, { lowest: "^G" }, ["range"]],
  ["the signature raises a note", TUNE.replace("d2B2", "f2B2"), { highest: "f" }, ["range"]],
  ["not the tonic", TUNE.replace("G4:|", "A4:|"), { endsOnTonic: true }, ["last note"]],
  ["the tonic an octave up", TUNE.replace("G4:|", "g4:|"), { endsOnTonic: true }, []],
  [
    "no repeat",
    TUNE.replaceAll(":", (mark, at: number) => (at > 40 ? "" : mark)),
    { repeats: true },
    ["repeat"],
  ],
  ["a bar not full", TUNE.replace("d2B2", "d2B"), {}, ["full bars"]],
  ["no meter", TUNE.replace("M:4/4\n", ""), {}, ["full bars"]],
  ["not a tune", "La la la", { key: "G" }, ["parses", "full bars", "title", "key G"]],
  ["in a fence", `Here:\n\`\`\`abc\n${TUNE}\`\`\`\n`, { key: "G" }, []],
  ["words after the tune", `${TUNE}\nEnjoy playing it!`, { key: "G" }, []],
  [
    "words before the tune",
    `Here is the tune:\n${TUNE}`,
    { key: "G" },
    ["parses", "full bars", "title", "key G"],
  ],
  ["another title", TUNE.replace("Open Road", "Road"), {}, ["title"]],
];

describe("constraints of tunes", () => {
  test.each(TUNES)("%s", (_name, text, tune, broken) => {
    const asked = constraintsSchema.parse({ form: "tune", title: "The Open Road", tune });
    const checks = checkTune(writtenText(text, "tune"), asked);
    expect(checks.filter((check) => !check.isKept).map(({ name }) => name)).toEqual(broken);
  });
});

describe("parts of a text", () => {
  test("words, lines, stanzas, sentences", () => {
    expect(wordsOf("It's a well-known café—isn’t it?")).toEqual([
      "It's",
      "a",
      "well-known",
      "café",
      "isn’t",
      "it",
    ]);
    expect(linesOf(" a \n\n b")).toEqual(["a", "b"]);
    expect(stanzasOf("\n\na\nb\n\n\nc\n")).toEqual([["a", "b"], ["c"]]);
    expect(sentencesOf("One. Two? ‘Three!’ Four")).toEqual(["One.", "Two?", "‘Three!’", "Four"]);
    expect(pointOfViewOf("")).toBe("third");
  });
});

describe("constraints that are refused", () => {
  test.each([
    [{ form: "song", lines: 1 }],
    [{ form: "poem" }],
    [{ form: "poem", lines: { min: 3, max: 2 } }],
    [{ form: "poem", lines: {} }],
    [{ form: "poem", lines: -1 }],
    [{ form: "poem", line: 3 }],
    [{ form: "poem", lines: 3, tune: {} }],
    [{ form: "tune", lines: 3, tune: {} }],
    [{ form: "tune" }],
    [{ form: "tune", tune: { key: "H" } }],
    [{ form: "tune", tune: { meter: "fast" } }],
    [{ form: "tune", tune: { lowest: "H" } }],
    [{ form: "story", require: [] }],
    [{ form: "story", require: [" "] }],
    [{ form: "story", acrostic: "Moon" }],
    [{ form: "story", title: "A", words: 3 }],
  ])("%j", (constraints) => expect(constraintsSchema.safeParse(constraints).success).toBe(false));
});
