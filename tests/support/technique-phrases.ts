/** @file Sentences of the workflow room's technique table, with the property each must have to the simulated model. */
import type { CallProperties } from "../../src/llm/simulated/simulated-prompt.js";
import { TECHNIQUES } from "../../src/workflow/techniques.js";

type Flag = {
  [K in keyof CallProperties]: CallProperties[K] extends boolean ? K : never;
}[keyof CallProperties];

const FLAGS: Readonly<Record<string, Flag>> = {
  steps: "asksForSteps",
  plan: "plansFirst",
  "careful-reading": "sortsFacts",
  "check-draft": "asksToCheck",
  program: "asksForCode",
  "extract-compute": "asksForValues",
  decompose: "asksForPlanOnly",
};

/** Pairs of sentence and property; a technique that is not listed above has no sentence of its own. */
export const SEED_PHRASES: [string, Flag][] = TECHNIQUES.flatMap(({ name, phrases }) => {
  const flag = FLAGS[name];
  return flag === undefined ? [] : phrases.map((phrase): [string, Flag] => [phrase, flag]);
});
