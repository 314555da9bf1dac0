/** @file Where the files of a round lie; round 0 holds what was measured before the first. */
import { join } from "node:path";
import { hashJson } from "../core/hash.js";
import { roundName } from "./run-files.js";

export class RoundFiles {
  readonly folder: string;
  readonly round: number;

  /** @param runFolder - the run directory */
  constructor(runFolder: string, round: number) {
    this.round = round;
    this.folder = join(runFolder, "rounds", roundName(round));
  }

  /**
   * Trajectories that are trained on.
   * @param member - that played them on its own; default: all together
   */
  collected(task: string, member?: string): string {
    // No task's part of a file name has an @ in it.
    return join(this.folder, `collect-${slug(task)}${member === undefined ? "" : `@${member}`}.jsonl`);
  }

  /** Folder of a team member's examples, checkpoints and adapter. */
  member(name: string): string {
    return join(this.folder, name);
  }

  /** Trajectories that judge a policy; never trained on. */
  judged(policy: string, task: string): string {
    return join(this.folder, `judge-${policy}-${slug(task)}.jsonl`);
  }

  /** The data card. */
  get card(): string {
    return join(this.folder, "card.json");
  }

  /** Training events, one a line. */
  get trainLog(): string {
    return join(this.folder, "train.jsonl");
  }

  /** Written last: a round with this file is done. */
  get record(): string {
    return join(this.folder, "round.json");
  }
}

/** A file name from a task name; names that only differ in odd characters stay apart. */
function slug(task: string): string {
  const plain = task
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(-40);
  return plain === task ? plain : `${plain}-${hashJson(task).slice(0, 6)}`;
}
