/** @file Metric tests: a program is right when the private tests run to their end on it, in a sandbox. */
import type { ProgramRunner } from "../../core/program-runner.js";
import type { Score, Scorer } from "../task.js";
import { programOf } from "./program-of.js";

/**
 * The whole item counts: 1 when every private test holds, else 0.
 * @source the rule of HumanEval and MBPP: solution and tests run one after the other without an exception
 */
export function testsScorer(programs: ProgramRunner): Scorer {
  return {
    metric: "tests",
    async score(answer, sample): Promise<Score> {
      const program = programOf(answer, sample);
      const { privateTests, entryPoint } = sample;
      if (program === undefined || privateTests === undefined || entryPoint === undefined) {
        return { value: 0, isCorrect: false, extracted: "no program in the answer" };
      }
      const check = await programs.check(program, [privateTests], { entryPoint });
      const isCorrect = check.status === "passed";
      // The reason names no test: what is shown here may reach a model as feedback.
      const extracted = isCorrect ? "passes the private tests" : `${check.status}: ${check.reason}`;
      return { value: isCorrect ? 1 : 0, isCorrect, extracted };
    },
  };
}
