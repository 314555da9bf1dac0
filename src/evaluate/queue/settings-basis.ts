/** @file What the results of a task's workflows depend on beside workflow and item: part of the name of each result. */
import { canonicalJson, hashJson } from "../../core/hash.js";
import type { SandboxLimits } from "../../workflow/workflow-run.js";

/** Hashed as it stands: a member that is undefined is the same as none. */
export interface SettingsBasis {
  /** Ids of the models; those of the aliases in the order of their names in the configuration. */
  executor: string;
  aliases: string[];
  weak: string | null;
  limits: Partial<SandboxLimits>;
  /** Limits of programs, in code tasks only. */
  programs: unknown;
  /** Hash of the own tools. */
  tools: string | undefined;
  /** Hash of the rules; the name by which stored results are found. */
  callPolicy: string | undefined;
  maxTokens: number;
  /** What else decides scores, such as the model of embeddings. */
  scorer: string | undefined;
  task: string;
  keepReplies: true | undefined;
}

export function settingsHash(basis: SettingsBasis): string {
  return hashJson(basis);
}

/** The members in which two bases differ, for people. */
export function differences(run: Record<string, unknown>, here: SettingsBasis): string[] {
  const keys = new Set([...Object.keys(run), ...Object.keys(here)]) as Set<keyof SettingsBasis>;
  const text = (value: unknown) => (value === undefined ? "none" : canonicalJson(value));
  return [...keys].flatMap((key) => {
    const [theirs, own] = [text(run[key]), text(here[key])];
    return theirs === own ? [] : [`${key}: ${theirs.slice(0, 120)} there, ${own.slice(0, 120)} here`];
  });
}
