/** @file Which workflows a run compares with: the usual ones, all, or those that are named. */
import { ConfigError } from "../../core/errors.js";
import { nearNames } from "../../core/near-names.js";
import type { AnswerKind } from "../../workflow/answer-kind.js";
import { asksForExamples } from "../examples/task-examples.js";
import type { Baseline } from "./baseline.js";
import { namedBaselines } from "./named-baselines.js";
import { usualBaselines } from "./usual-baselines.js";

/**
 * The baselines that designs start from and that may be the best of a run: of the usual ones those without the local
 * model, of chosen ones all that ask the executor.
 */
export function startsOf<T extends Pick<Baseline, "source">>(
  baselines: readonly T[],
  wanted: string | undefined,
): T[] {
  const leavesOut = wanted === undefined ? asksWeak : asksWeakOnly;
  return baselines.filter(({ source }) => !leavesOut(source));
}

function asksWeak(source: string): boolean {
  return source.includes("agent.weak.");
}

function asksWeakOnly(source: string): boolean {
  return asksWeak(source) && !/\bagent\.(?:text|json)\(/.test(source);
}

/**
 * @param wanted - names separated by commas, or "all"; default the usual ones
 * @param options.hasWeak - without a local model those that ask it are left out, unless they were named
 * @param options.hasExamples - as hasWeak, for those that ask for examples. Default false
 * @throws {ConfigError} on a name that is unknown or makes no sense here
 */
export function chooseBaselines(
  wanted: string | undefined,
  {
    answer,
    hasContext,
    hasWeak,
    hasExamples = false,
  }: { answer: AnswerKind; hasContext: boolean; hasWeak: boolean; hasExamples?: boolean | undefined },
): Baseline[] {
  const known = namedBaselines(answer, hasContext);
  const lacksExamples = ({ source }: Baseline) => !hasExamples && asksForExamples(source);
  const lacksWeak = ({ source }: Baseline) => !hasWeak && asksWeak(source);
  const canRun = (baseline: Baseline) => !lacksWeak(baseline) && !lacksExamples(baseline);
  if (wanted === undefined) return usualBaselines(answer, hasContext).filter(canRun);
  if (wanted.trim() === "all") return known.filter(canRun);
  const names = wanted.split(",").map((name) => name.trim());
  for (const name of names) {
    const baseline = known.find((candidate) => candidate.name === name);
    if (!baseline) {
      const near = nearNames(
        name,
        known.map((candidate) => candidate.name),
      );
      throw new ConfigError(`there is no baseline ${JSON.stringify(name)} for this task`, {
        hint: near[0]
          ? `did you mean ${near[0]}?`
          : `all, or some of ${known.map((candidate) => candidate.name).join(", ")}`,
      });
    }
    if (lacksExamples(baseline)) {
      throw new ConfigError(`baseline ${name} asks for examples, and none are offered here`, {
        hint: "give the dataset a train split with reference answers, or leave the baseline out",
      });
    }
    if (lacksWeak(baseline)) {
      throw new ConfigError(`baseline ${name} asks the local model, and there is none`, {
        hint: "add --model NAME|FILE, or --weak local:FILE|NAME",
      });
    }
  }
  return known.filter(({ name }) => names.includes(name));
}

/** @throws {ConfigError} when designs would have nothing to start from */
export function checkStarts(
  baselines: readonly Pick<Baseline, "source">[],
  wanted: string | undefined,
): void {
  if (startsOf(baselines, wanted).length > 0) return;
  throw new ConfigError("no baseline asks the executor: designs have nothing to start from", {
    hint: "add one to --baselines, such as direct",
  });
}
