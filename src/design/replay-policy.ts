/** @file A recorded policy: gives the replies that a run has stored, so that it can be evaluated anew without a model. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, InputError } from "../core/errors.js";
import { type ActionRecord, readTrajectory } from "../records/trajectory.js";
import type { CandidateDraw, Policy, PolicyInfo } from "./policy.js";
import type { PromptStyle } from "./policy-state.js";

/** Replies are found by the seed they were drawn with, which follows from run seed, episode, turn and candidate. */
export class ReplayPolicy implements Policy {
  readonly info: PolicyInfo;
  readonly style: PromptStyle;
  /** Forced draws are looked up like all others. */
  readonly canForce = true;
  readonly #run: string;
  readonly #actions = new Map<number, { promptTokens: number[]; action: ActionRecord }>();

  /**
   * @param run - directory of `w4s collect` or `optimize`
   * @throws {InputError} when it holds no trajectories
   */
  constructor(run: string) {
    const file = join(run, "trajectories.jsonl");
    const records = existsSync(file) ? readTrajectory(file) : [];
    const header = records.find((record) => record.kind === "header");
    if (header === undefined) {
      throw new InputError(`there are no trajectories in ${run}`, {
        hint: "name a run of w4s collect or w4s optimize",
      });
    }
    this.#run = run;
    this.info = header.policy;
    const first = records.find((record) => record.kind === "actions");
    // Only whole conversations begin with instructions.
    this.style = first?.messages[0]?.role === "system" ? "full" : "compact";
    for (const record of records) {
      if (record.kind !== "actions") continue;
      for (const action of record.actions)
        this.#actions.set(action.seed, { promptTokens: record.promptTokens, action });
    }
  }

  /** @throws {ConfigError} when the run drew no such candidate: its settings were others */
  async act(_prompt: unknown, draws: readonly CandidateDraw[]): ReturnType<Policy["act"]> {
    const found = draws.map((draw) => {
      const known = this.#actions.get(draw.seed);
      if (known !== undefined) return known;
      throw new ConfigError(`${this.#run} has no candidate that was drawn with these settings`, {
        hint: "use the task, --seed, --episodes, --turns, --candidates and --max-repairs of that run",
      });
    });
    return {
      promptTokens: found[0]?.promptTokens ?? [],
      actions: found.map(({ action: { text, tokens, logProbs, finishReason } }) => ({
        text,
        tokens,
        finishReason,
        logProbs,
      })),
    };
  }
}
