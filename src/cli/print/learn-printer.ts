/** @file Progress of `w4s learn` on stderr: rounds, phases with their times, training, judgement. */

import type { LearnEvent, RoundRecord, RunEvent } from "../../commands.js";
import { formatCount, formatDuration, formatPercent } from "../../core/figure-format.js";
import { Progress, type ProgressOptions } from "./progress.js";

/** Single candidates are many in a learning run: they stand in its files, not on the screen. */
const QUIET: ReadonlySet<string> = new Set(["candidates-written", "turn-end"]);

export class LearnPrinter {
  readonly #progress: Progress;
  #deviceLine: string | undefined;

  constructor(options: ProgressOptions = {}) {
    this.#progress = new Progress(options);
  }

  readonly onEvent = (event: LearnEvent): void => {
    switch (event.type) {
      case "round-start":
      case "examples":
      case "phase":
      case "judge":
      case "round-end":
        for (const line of describe(event)) this.line(line);
        break;
      case "train": {
        const step = event.event;
        if (step.type === "step") {
          this.#progress.status(
            `training${event.policy === undefined ? "" : ` ${event.policy}`}, update ${step.step} of ${step.totalSteps}, loss ${step.loss.toFixed(4)}, ${Math.round(step.tokensPerSecond)} tokens/s, ${formatDuration(step.leftMs)} left`,
          );
        } else if (step.type === "warning") this.line(`warning: ${step.message}`);
        else if (step.type === "plan" && step.resumedAt > 0)
          this.line(`  training goes on after update ${step.resumedAt} of ${step.totalSteps}`);
        else if (step.type === "device") {
          // Once, not in every round.
          const line = deviceLine(step);
          if (line !== undefined && line !== this.#deviceLine) this.line(line);
          this.#deviceLine = line;
        }
        break;
      }
      case "candidate-scored":
        this.#progress.noteBest(event);
        break;
      default:
        if (!QUIET.has(event.type)) this.#progress.onEvent(event as RunEvent);
    }
  };

  line(text: string): void {
    this.#progress.line(text);
  }

  stop(): void {
    this.#progress.stop();
  }
}

/** What is said of the device that trains; nothing where it is the CPU and nothing else was asked for. */
export function deviceLine({
  device,
  reason,
}: {
  device: string;
  reason?: string | undefined;
}): string | undefined {
  if (reason !== undefined) return `warning: training on the ${device} instead: ${reason}`;
  return device === "cpu" ? undefined : `training on ${device}`;
}

function describe(event: LearnEvent): string[] {
  switch (event.type) {
    case "round-start": {
      const episodes = event.plan.episodes.map(({ task, count }) => `${task} ${count}`).join(", ");
      return [
        "",
        `round ${event.round} of ${event.rounds}: episodes ${episodes} (${event.plan.reason}); ${event.candidates} candidates a turn, ${formatPercent(event.explore)} forced, temperature ${event.temperature}${event.minutesLeft === undefined ? "" : `; about ${formatDuration(event.minutesLeft * 60_000)} left at the speed of the rounds before`}`,
      ];
    }
    case "examples": {
      const { card } = event;
      return [
        `  ${card.examples} examples of ${card.candidates} candidates${leftOutText(card.leftOut)}: ${formatPercent(card.validShare)} valid, ${formatPercent(card.distinctShare)} distinct, reward ${card.rewards.lowest.toFixed(2)} to ${card.rewards.highest.toFixed(2)}, mean ${card.rewards.mean.toFixed(3)}; weights ${card.weights.lowest.toFixed(2)} to ${card.weights.highest.toFixed(2)}${card.effectiveExamples === undefined ? "" : `, as much as ${card.effectiveExamples.toFixed(0)} alike`}; ${formatCount(card.actionTokens)} tokens to learn`,
      ];
    }
    case "phase":
      return [`  ${event.phase} ${event.seconds.toFixed(1)} s`];
    case "judge":
      return [`  judging ${event.policy} on ${event.task}`];
    case "round-end":
      return [
        `  ${event.record.reason}`,
        ...event.record.best.map(
          ({ task, policy, accuracy }) =>
            `  best workflow for ${task}${policy === undefined ? "" : ` by ${policy}`}: ${formatPercent(accuracy)}`,
        ),
      ];
    default:
      return [];
  }
}

/** What was left out of the examples and why, as words behind their number; empty where nothing was. */
export function leftOutText(leftOut: RoundRecord["card"]["leftOut"]): string {
  if (leftOut === undefined) return "";
  const reasons = [
    [leftOut.tooLong, "too long"],
    [leftOut.light, "too light"],
    [leftOut.silent, "with nothing to compare"],
  ] as const;
  const parts = reasons.flatMap(([count, why]) => (count > 0 ? [`${count} ${why}`] : []));
  return parts.length === 0 ? "" : ` (left out: ${parts.join(", ")})`;
}

/** A line of the table of rounds. */
export function roundRow(record: RoundRecord): (string | number)[] {
  const { card, training, score } = record;
  const lossOf = ({ sameExamples, firstLoss, lastLoss }: RoundRecord["training"]) =>
    (sameExamples ? [sameExamples.before, sameExamples.after] : [firstLoss, lastLoss])
      .map((value) => value?.toFixed(3) ?? "–")
      .join(" → ");
  const loss =
    record.members?.map((member) => `${member.name} ${lossOf(member.training)}`).join(", ") ??
    lossOf(training);
  return [
    record.round,
    card.candidates,
    formatPercent(card.validShare),
    formatPercent(card.distinctShare),
    card.rewards.mean.toFixed(3),
    loss,
    score === null ? "–" : score.meanReward.toFixed(3),
    record.isAccepted ? "accepted" : "refused",
  ];
}
