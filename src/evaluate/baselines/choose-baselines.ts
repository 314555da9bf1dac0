/** @file Which workflows a run compares with: the usual ones, all, or those that are named. */
import { ConfigError } from "../../core/errors.js";
import { nearNames } from "../../core/near-names.js";
import type { AnswerKind } from "../../workflow/answer-kind.js";
import { asksForExamples } from "../examples/task-examples.js";
import { type Baseline, isCalled } from "./baseline.js";
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

/** Optional calls that a baseline cannot do without: how they are recognised, and what to do where there is none. */
const NEEDS: readonly { offer: string; isIn: (source: string) => boolean; problem: string; hint: string }[] =
  [
    {
      offer: "weak",
      isIn: asksWeak,
      problem: "asks the local model, and there is none",
      hint: "add --model NAME|FILE, or --weak local:FILE|NAME",
    },
    {
      offer: "runPython",
      isIn: (source) => source.includes("agent.runPython("),
      problem: "runs a program, and none may be run here",
      hint: "the rules (--rules) leave out runPython",
    },
    {
      offer: "examples",
      isIn: asksForExamples,
      problem: "asks for examples, and none are offered here",
      hint: "give the dataset a train split with reference answers, or leave the baseline out",
    },
  ];

/**
 * @param wanted - names separated by commas, or "all"; default the usual ones
 * @param options.offers - optional calls that exist; baselines that need others are left out, unless they were named
 * @throws {ConfigError} on a name that is unknown or makes no sense here
 */
export function chooseBaselines(
  wanted: string | undefined,
  { answer, hasContext, offers }: { answer: AnswerKind; hasContext: boolean; offers: ReadonlySet<string> },
): Baseline[] {
  const known = namedBaselines(answer, hasContext);
  const lacking = ({ source }: Baseline) =>
    NEEDS.find(({ offer, isIn }) => !offers.has(offer) && isIn(source));
  const canRun = (baseline: Baseline) => lacking(baseline) === undefined;
  if (wanted === undefined) return usualBaselines(answer, hasContext).filter(canRun);
  if (wanted.trim() === "all") return known.filter(canRun);
  const names = namesIn(wanted);
  for (const name of names) {
    const lack = lacking(baselineNamed(name, known));
    if (lack) throw new ConfigError(`baseline ${name} ${lack.problem}`, { hint: lack.hint });
  }
  return known.filter((baseline) => names.some((name) => isCalled(baseline, name)));
}

/**
 * Looks at the names alone, before anything is opened for a run.
 * @throws {ConfigError} on one that no baseline of this kind of answer has
 */
export function checkBaselineNames(wanted: string | undefined, answer: AnswerKind): void {
  if (wanted === undefined || wanted.trim() === "all") return;
  const known = [...namedBaselines(answer, false), ...namedBaselines(answer, true)];
  for (const name of namesIn(wanted)) baselineNamed(name, known);
}

function namesIn(wanted: string): string[] {
  return wanted.split(",").map((name) => name.trim());
}

function baselineNamed(name: string, known: readonly Baseline[]): Baseline {
  const baseline = known.find((candidate) => isCalled(candidate, name));
  if (baseline) return baseline;
  const all = [...new Set(known.map((candidate) => candidate.name))];
  const near = nearNames(name, all);
  throw new ConfigError(`there is no baseline ${JSON.stringify(name)} for this task`, {
    hint: near[0] ? `did you mean ${near[0]}?` : `all, or some of ${all.join(", ")}`,
  });
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
