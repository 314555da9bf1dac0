/** @file Family: whether a review is positive. What words mean decides; there is nothing to compute. */
import { type FamilyDefinition, optionLetter, scaled } from "./family.js";

const PLACES = "restaurant,hotel,cinema,campsite,concert,shop,museum,train journey,course,play".split(",");
const REMARKS = {
  positive: [
    "I would come back at any time",
    "everything was better than I had hoped",
    "the staff could not have been kinder",
    "it was worth every cent",
    "I have told all my friends to go",
    "we smiled the whole evening",
    "there is nothing to be improved",
    "it made my week",
  ],
  negative: [
    "I will never come back",
    "nothing was as it had been promised",
    "the staff were rude to us",
    "it was a waste of money",
    "I have warned all my friends",
    "we left before the end",
    "I want my money back",
    "it spoiled my week",
  ],
} as const;
type Feeling = keyof typeof REMARKS;
const FEELINGS: readonly Feeling[] = ["positive", "negative"];

interface ReviewsProblem {
  place: string;
  feeling: Feeling;
  /** Each tells the same. */
  remarks: string[];
}

export const reviews: FamilyDefinition<ReviewsProblem> = {
  name: "reviews",
  title: "Reviews (generated)",
  kind: "choice",
  metric: "choice",
  description:
    "A short review is quoted; whether it is positive or negative is asked. The answer is the letter of one option.",
  version: 1,

  make(random, difficulty) {
    const feeling = random.pick(FEELINGS);
    return {
      place: random.pick(PLACES),
      feeling,
      remarks: random.shuffle(REMARKS[feeling]).slice(0, scaled(difficulty, 1, 4)),
    };
  },

  solve({ feeling, remarks }) {
    return {
      answer: optionLetter(FEELINGS.indexOf(feeling)),
      steps: [...remarks.map((remark) => `"${remark}": ${feeling}`), `the review is ${feeling}`],
    };
  },

  slips() {
    return FEELINGS.map((_, index) => optionLetter(index));
  },

  render({ place, remarks }) {
    const [first = "", ...others] = remarks;
    const said = [`${first[0]?.toUpperCase()}${first.slice(1)}`, ...others];
    const last = said.length > 1 ? `, and ${said.pop()}` : "";
    return {
      question: `Somebody writes about a ${place}: "${said.join(", ")}${last}." Is this review positive or negative?`,
      choices: [...FEELINGS],
    };
  },
};
