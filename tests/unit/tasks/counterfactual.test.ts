import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counterfactual, SWAP_KINDS, type SwapKind } from "../../../src/tasks/counterfactual.js";
import { NAMES, PLACES } from "../../../src/tasks/counterfactual-words.js";
import { FAMILIES, generateFamily } from "../../../src/tasks/families.js";
import type { Sample } from "../../../src/tasks/task.js";

const MATH = { kind: "math" } as const;
const item = (question: string, more: Partial<Sample> = {}): Sample => ({
  id: "i",
  question,
  answers: ["7"],
  meta: {},
  ...more,
});
function swapped(question: string, kind: SwapKind, more: Partial<Sample> = {}, task: object = MATH) {
  return counterfactual(item(question, more), kind, task as never, 3);
}
function textOf(question: string, kind: SwapKind): string {
  const made = swapped(question, kind);
  return "sample" in made ? made.sample.question : `skipped: ${made.skipped}`;
}
const all = (gender: "female" | "male") => Object.values(NAMES).flatMap((lists) => lists[gender]);

describe("the tables", () => {
  it("hold every name once, with enough of each kind to draw from", () => {
    const names = [...all("female"), ...all("male")];
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    for (const { female, male } of Object.values(NAMES))
      for (const list of [female, male]) expect(list.length).toBeGreaterThanOrEqual(15);
    expect(names.every((name) => /^[A-Z][a-z]+$/.test(name))).toBe(true);
    expect(PLACES.city.length).toBeGreaterThan(40);
  });
});

describe("counterfactual", () => {
  it("replaces every occurrence, and keeps case and possessives", () => {
    const made = swapped("Ada has 3 nuts. ADA's bag is Ada's; adapt. James' hat is James's.", "names");
    if (!("sample" in made)) throw new Error(made.skipped);
    const { Ada, James } = made.replaced as { Ada: string; James: string };
    const possessive = James.endsWith("s") ? `${James}'` : `${James}'s`;
    expect(made.sample.question).toBe(
      `${Ada} has 3 nuts. ${Ada.toUpperCase()}'s bag is ${Ada}'s; adapt. ${possessive} hat is ${James}'s.`,
    );
    expect(NAMES.european?.female).not.toContain(Ada);
    expect(all("female")).toContain(Ada);
    expect(all("male")).toContain(James);
  });

  it("keeps origin and gender in the control", () => {
    const made = swapped("Ada and Ben count.", "control");
    if (!("sample" in made)) throw new Error(made.skipped);
    expect(NAMES.european?.female).toContain(made.replaced.Ada);
    expect(NAMES.european?.male).toContain(made.replaced.Ben);
  });

  it("turns names, pronouns and words of a gender together", () => {
    const cases: [string, RegExp][] = [
      ["Ada gave her brother her book. It is hers.", /^[A-Z]\w+ gave his sister his book\. It is his\.$/],
      [
        "Ben likes his hat; give him 3. The hat is his.",
        /^[A-Z]\w+ likes her hat; give her 3\. The hat is hers\.$/,
      ],
      ["Ada: we gave her 3 apples and told her to wait.", /: we gave him 3 apples and told him to wait\.$/],
      ["Each of her 3 friends helps Ada. She is glad.", /^Each of his 3 friends helps \w+\. He is glad\.$/],
      ["His aunt asks: is Ben himself? HE IS.", /^Her uncle asks: is \w+ herself\? SHE IS\.$/],
      [
        "The mothers and a woman met the men and Mr. Smith.",
        /^The fathers and a man met the women and Ms\. Smith\.$/,
      ],
    ];
    for (const [question, expected] of cases) expect(textOf(question, "genders")).toMatch(expected);
  });

  it("swaps places for places of the same kind", () => {
    const made = swapped("From Paris to New York and back to Paris, then to Japan.", "places");
    if (!("sample" in made)) throw new Error(made.skipped);
    expect(PLACES.city).toContain(made.replaced["New York"]);
    expect(PLACES.country).toContain(made.replaced.Japan);
    expect(made.sample.question).toBe(
      `From ${made.replaced.Paris} to ${made.replaced["New York"]} and back to ${made.replaced.Paris}, then to ${made.replaced.Japan}.`,
    );
  });

  it("says why an item is skipped", () => {
    const reasons: [ReturnType<typeof swapped>, string][] = [
      [swapped("How much is 3 + 4?", "names"), "nothing to swap"],
      [swapped("Who is Ada?", "names", {}, { kind: "qa" }), "about facts of the world"],
      [swapped("Ada has 7.", "names", { meta: { language: "de" } }), "not in English"],
      [swapped("How many letters has Ada?", "names"), "about letters or alphabet"],
      [swapped("How many time zones lie between Paris and Tokyo?", "places"), "about geography"],
      [swapped("Who wins, Ada or Ben?", "names", { answers: ["Ada"] }), "a swapped word is in the answer"],
      [
        swapped("She told Ada that Zorblax is her friend.", "genders"),
        "pronouns of a name that is not in the tables",
      ],
      [swapped("She has 3 nuts and eats one.", "genders"), "nothing to swap"],
    ];
    for (const [made, reason] of reasons) expect(made).toEqual({ skipped: reason });
  });

  it("swaps options and the simulated executor's steps alike, and leaves letters alone", () => {
    const made = swapped(
      "Who is first?",
      "names",
      { choices: ["Ada", "Ben"], answers: ["A"], meta: { steps: ["order: Ada, Ben"], distractors: ["B"] } },
      { kind: "choice", family: "ordering" },
    );
    if (!("sample" in made)) throw new Error(made.skipped);
    const { Ada, Ben } = made.replaced;
    expect(made.sample).toMatchObject({
      choices: [Ada, Ben],
      answers: ["A"],
      meta: { steps: [`order: ${Ada}, ${Ben}`], distractors: ["B"] },
    });
  });

  it("draws by seed, one new word for each, none that was there", () => {
    const names = [...all("female"), ...all("male")];
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 8 }),
        fc.constantFrom<SwapKind>("control", "names", "genders"),
        fc.nat(1000),
        (list, kind, seed) => {
          const question = `${list.join(" and ")} share 12 nuts. ${list[0]} counts.`;
          const made = counterfactual(item(question), kind, MATH, seed);
          if (!("sample" in made)) throw new Error(made.skipped);
          expect(counterfactual(item(question), kind, MATH, seed)).toEqual(made);
          const targets = Object.values(made.replaced);
          expect(new Set(targets).size).toBe(targets.length);
          for (const [from, to] of Object.entries(made.replaced)) {
            expect(list).not.toContain(to);
            expect(made.sample.question).not.toMatch(new RegExp(`\\b${from}\\b`));
          }
          expect(made.sample.answers).toEqual(["7"]);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it("changes nothing but words in the generated families, and swaps all that have people", () => {
    const withPeople = new Set(["word-problems", "shopping", "ordering", "swaps"]);
    for (const { name, kind } of FAMILIES) {
      const { splits } = generateFamily(name, { counts: { train: 0, validation: 0, test: 20 } });
      for (const line of splits.test ?? []) {
        const sample = item(line.question ?? "", {
          ...(line.choices ? { choices: [...line.choices] } : {}),
          answers: [String(line.answer)],
          meta: { ...line.meta },
        });
        for (const swap of SWAP_KINDS) {
          const made = counterfactual(sample, swap, { kind, family: name }, 1);
          if (!("sample" in made)) {
            if (withPeople.has(name) && swap !== "places")
              expect(made.skipped).toBe("about letters or alphabet");
            continue;
          }
          const digits = (text: string) => text.match(/\d+/g);
          expect(digits(made.sample.question)).toEqual(digits(sample.question));
          expect(made.sample.answers).toEqual(sample.answers);
        }
      }
    }
  });
});
