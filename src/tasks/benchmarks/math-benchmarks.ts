/** @file GSM8K, GSM-Hard, MGSM and MATH as they are published. */
import { findNumbers } from "../../core/reply/find-numbers.js";
import { BadBenchmark, type Benchmark, picked, textOf } from "./benchmark.js";

/** One number in plain decimals, without separators. */
function plainNumber(text: string, place: string): string {
  const numbers = findNumbers(text);
  if (numbers.length !== 1)
    throw new BadBenchmark(`${place}: the answer ${JSON.stringify(text)} is not one number`);
  return numbers[0]!.integer ?? decimal(numbers[0]!.value);
}

/** Without an exponent, which our datasets do not have. */
function decimal(value: number): string {
  if (Number.isInteger(value)) return String(BigInt(value));
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/0+$/, "") : text;
}

export const gsm8k: Benchmark = {
  title: "GSM8K",
  description: "Grade-school math word problems. The answer is a number.",
  kind: "math",
  metric: "exact-number",
  license: "MIT",
  homepage: "https://github.com/openai/grade-school-math",
  format: "jsonl",
  toItems: ({ records }) =>
    records.map((record, index) => {
      const place = `record ${index + 1}`;
      const solution = textOf(record, "answer", place);
      const mark = solution.lastIndexOf("####");
      if (mark < 0) throw new BadBenchmark(`${place}: the answer has no "####"`);
      return {
        question: textOf(record, "question", place),
        answer: plainNumber(solution.slice(mark + 4), place),
        solution,
        meta: { sourceIndex: index },
      };
    }),
};

export const gsmHard: Benchmark = {
  title: "GSM-Hard",
  description: "Grade-school math word problems with large numbers. The answer is a number.",
  kind: "math",
  metric: "exact-number",
  license: "Apache-2.0",
  homepage: "https://github.com/reasoning-machines/pal",
  format: "jsonl",
  toItems: ({ records }) =>
    records.map((record, index) => {
      const { target } = record as { target?: unknown };
      if (typeof target !== "number" || !Number.isFinite(target))
        throw new BadBenchmark(`record ${index + 1}: field "target" is no number`);
      return {
        question: textOf(record, "input", `record ${index + 1}`),
        answer: decimal(target),
        meta: { sourceIndex: index },
      };
    }),
};

export const mgsm: Benchmark = {
  title: "MGSM",
  description: "Grade-school math word problems in several languages. The answer is a number.",
  kind: "math",
  metric: "exact-number",
  license: "CC-BY-4.0",
  homepage: "https://github.com/google-research/url-nlp",
  format: "tsv",
  toItems({ name, records }) {
    const language = /^mgsm_([a-z]{2,3})$/i.exec(name)?.[1]?.toLowerCase();
    if (language === undefined)
      throw new BadBenchmark("its name is not mgsm_LANGUAGE.tsv, such as mgsm_de.tsv");
    return records.map((record, index) => {
      const [question = "", answer = "", ...more] = record as string[];
      const place = `line ${index + 1}`;
      if (question.trim() === "" || more.length > 0)
        throw new BadBenchmark(`${place}: expected a question, a tab, a number`);
      // Line n is the same problem in every language.
      return {
        question,
        answer: plainNumber(answer, place),
        meta: { language, sourceIndex: index },
        group: String(index),
      };
    });
  },
};

export const math500: Benchmark = {
  title: "MATH-500",
  description: "Competition mathematics in LaTeX. The answer is a number or an expression.",
  kind: "math",
  metric: "expression",
  license: "MIT",
  homepage: "https://github.com/openai/prm800k",
  format: "jsonl",
  toItems: ({ records }) =>
    records.map((record, index) => {
      const place = `record ${index + 1}`;
      const solution = (record as { solution?: unknown }).solution;
      return {
        question: textOf(record, "problem", place),
        answer: textOf(record, "answer", place),
        solution: typeof solution === "string" ? solution : undefined,
        meta: {
          ...picked(record, { subject: "subject", level: "level", sourceId: "unique_id" }),
          sourceIndex: index,
        },
      };
    }),
};
