/** @file DROP, StrategyQA, CommonsenseQA and BIG-Bench Hard as they are published. */
import { BadBenchmark, type Benchmark, type BenchmarkItem, listOf, picked, textOf } from "./benchmark.js";

export const drop: Benchmark = {
  title: "DROP",
  description:
    "Questions on a passage that need counting, sorting or arithmetic. The answer is a number, a date or words of the text.",
  kind: "qa",
  metric: "f1",
  homepage: "https://allenai.org/data/drop",
  format: "json",
  toItems({ records }) {
    return Object.entries(records[0] as Record<string, unknown>).flatMap(([passage, entry]) => {
      const context = textOf(entry, "passage", passage);
      return listOf(entry, "qa_pairs", passage).map((pair, index): BenchmarkItem => {
        const place = `${passage}, question ${index + 1}`;
        const { answer, validated_answers: others = [] } = pair as {
          answer?: unknown;
          validated_answers?: unknown[] | undefined;
        };
        const all = [answer, ...others].flatMap(dropAnswer);
        if (all.length === 0) throw new BadBenchmark(`${place}: it has no answer`);
        return {
          question: textOf(pair, "question", place),
          context,
          answer: [...new Set(all.map(({ text }) => text))],
          meta: { passage, type: all[0]!.type, ...picked(pair, { sourceId: "query_id" }) },
          group: passage,
        };
      });
    });
  },
};

/** A number, the spans as one text, or a date; nothing for an empty annotation. */
function dropAnswer(answer: unknown): { text: string; type: "number" | "spans" | "date" }[] {
  const {
    number,
    spans = [],
    date = {},
  } = (answer ?? {}) as {
    number?: string | undefined;
    spans?: string[] | undefined;
    date?: { day?: string | undefined; month?: string | undefined; year?: string | undefined } | undefined;
  };
  if (typeof number === "string" && number.trim() !== "") return [{ text: number, type: "number" }];
  if (spans.length > 0) return [{ text: spans.join(" "), type: "spans" }];
  const text = [date.day, date.month, date.year].filter(Boolean).join(" ");
  return text === "" ? [] : [{ text, type: "date" }];
}

export const strategyQa: Benchmark = {
  title: "StrategyQA",
  description:
    "Yes-or-no questions whose steps are not told. The answer is the letter of one of two options.",
  kind: "choice",
  metric: "choice",
  license: "MIT",
  homepage: "https://github.com/eladsegal/strategyqa",
  format: "json",
  toItems({ records }) {
    if (!Array.isArray(records[0])) throw new BadBenchmark("it holds no list of questions");
    return (records[0] as unknown[]).map((record, index) => {
      const { answer, facts } = record as { answer?: unknown; facts?: unknown };
      if (typeof answer !== "boolean")
        throw new BadBenchmark(`record ${index + 1}: field "answer" is neither true nor false`);
      return {
        question: textOf(record, "question", `record ${index + 1}`),
        choices: ["Yes", "No"],
        answer: answer ? "A" : "B",
        solution: Array.isArray(facts) ? facts.join(" ") : undefined,
        meta: picked(record, { sourceId: "qid", decomposition: "decomposition" }),
      };
    });
  },
};

export const commonsenseQa: Benchmark = {
  title: "CommonsenseQA",
  description: "Questions about everyday knowledge. The answer is the letter of one of five options.",
  kind: "choice",
  metric: "choice",
  homepage: "https://github.com/jonathanherzig/commonsenseqa",
  format: "jsonl",
  toItems: ({ records }) =>
    records.map((record, index) => {
      const place = `record ${index + 1}`;
      const { question } = record as { question?: unknown };
      // The authors nest stem and options; the copy on the Hugging Face hub has them side by side.
      const isNested = typeof question === "object" && question !== null;
      const options = isNested
        ? listOf(question, "choices", place).map((option) => [
            textOf(option, "label", place),
            textOf(option, "text", place),
          ])
        : listOf((record as { choices?: unknown }).choices, "label", place).map((label, i) => [
            String(label),
            String(listOf((record as { choices?: unknown }).choices, "text", place)[i]),
          ]);
      const right = options.findIndex(([label]) => label === textOf(record, "answerKey", place));
      if (right < 0) throw new BadBenchmark(`${place}: its answerKey names no option`);
      return {
        question: isNested ? textOf(question, "stem", place) : textOf(record, "question", place),
        choices: options.map(([, text]) => text!),
        answer: String.fromCharCode(65 + right),
        meta: {
          ...picked(isNested ? question : record, { concept: "question_concept" }),
          ...picked(record, { sourceId: "id" }),
        },
      };
    }),
};

/** Tasks without options have at most so many different answers (yes and no, True and False, valid and invalid). */
const MAX_IMPLIED_OPTIONS = 2;

const BBH = {
  license: "MIT",
  homepage: "https://github.com/suzgunmirac/BIG-Bench-Hard",
  format: "json",
} as const;

/** Sorting words, closing brackets: the answer's letters and signs count, not its case. */
const bbhText: Benchmark = {
  ...BBH,
  title: "BIG-Bench Hard, answers in words",
  description: "A reasoning task. The answer is a short text, such as sorted words with spaces between them.",
  // The questions do not say it, and a program that prints a list is wrong without a word.
  instruction: "Answer on one line, with single spaces between the words or signs.",
  kind: "text",
  metric: "exact-match",
  metricOptions: { normalize: "spaces", ignoreCase: true },
  toItems: ({ name, records }) =>
    bbhExamples(records).map(({ input, target }, index) => ({
      question: input,
      answer: target,
      meta: { task: name, sourceIndex: index },
    })),
};

/** Counting and arithmetic: every answer of a file is a number. */
const bbhNumber: Benchmark = {
  ...BBH,
  title: "BIG-Bench Hard, answers as numbers",
  description: "A reasoning task. The answer is a number.",
  kind: "math",
  metric: "exact-number",
  otherwise: bbhText,
  toItems: (file) =>
    bbhExamples(file.records).every(({ target }) => /^-?\d+(\.\d+)?$/.test(target))
      ? bbhText.toItems(file)
      : [],
};

export const bbh: Benchmark = {
  ...BBH,
  title: "BIG-Bench Hard, multiple choice",
  description: "Reasoning tasks of several sorts. The answer is the letter of one of the options.",
  kind: "choice",
  metric: "choice",
  otherwise: bbhNumber,
  toItems({ name, records }) {
    const examples = bbhExamples(records);
    const targets = [...new Set(examples.map(({ target }) => target))].sort().reverse();
    return examples.flatMap(({ input, target }, index): BenchmarkItem[] => {
      const told = toldOptions(input);
      const isImplied =
        targets.length <= MAX_IMPLIED_OPTIONS && targets.every((one) => /^[A-Za-z]+$/.test(one));
      if (!told && !isImplied) return [];
      const choices = told?.choices ?? targets;
      const letter = /^\(([A-Z])\)$/.exec(target)?.[1];
      const right = letter === undefined ? choices.indexOf(target) : letter.charCodeAt(0) - 65;
      if (right < 0 || right >= choices.length)
        throw new BadBenchmark(`example ${index + 1}: the target ${JSON.stringify(target)} names no option`);
      return [
        {
          question: told?.question ?? input,
          choices,
          answer: String.fromCharCode(65 + right),
          meta: { task: name, sourceIndex: index },
        },
      ];
    });
  },
};

function bbhExamples(records: readonly unknown[]): { input: string; target: string }[] {
  return listOf(records[0], "examples", "the file").map((example, index) => ({
    input: textOf(example, "input", `example ${index + 1}`),
    target: textOf(example, "target", `example ${index + 1}`).trim(),
  }));
}

/** The options at the end of a text, as "(A) …" or "- …" lines, and the text before them. */
function toldOptions(input: string): { question: string; choices: string[] } | undefined {
  const at = input.lastIndexOf("\nOptions:");
  if (at < 0) return undefined;
  const lines = input
    .slice(at + "\nOptions:".length)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const choices = lines.map((line) => /^\s*(?:\([A-Z]\)|-)\s*(.*\S)\s*$/.exec(line)?.[1] ?? "");
  return choices.length < 2 || choices.includes("")
    ? undefined
    : { question: input.slice(0, at).trim(), choices };
}
