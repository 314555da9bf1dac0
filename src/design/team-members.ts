/** @file Who works together in `w4s learn`: the members that collaboration and policies of a configuration mean. */

import type { Collaboration } from "../config/policies-schema.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { SINGLE_MEMBER } from "../records/round-record.js";

/** One meta-agent before anything of it is loaded. */
export interface MemberPlan {
  name: string;
  /** Model file or name, as the configuration has it. */
  model: string;
  /** Adapter file it starts with. */
  adapter?: string | undefined;
  /** Instead of the round's temperature, 0–2. */
  temperature?: number | undefined;
  /** Added to the round's temperature. */
  hotter?: number | undefined;
  /** True for a member that learns an adapter of its own. */
  train: boolean;
}

/** Temperature added for the second copy of an ensemble: two equal policies would only be one with more draws. */
const SECOND_HOTTER = 0.3;
const MAX_MEMBERS = 8;

/** Roles by mode; modes without fixed roles take any number of members from two on. */
const ROLES: Readonly<Record<Exclude<Collaboration, "single">, readonly [string, string]>> = {
  ensemble: ["one", "two"],
  decentralised: ["one", "two"],
  "proposer-critic": ["proposer", "critic"],
  hierarchical: ["planner", "writer"],
};

export function collaborationOf(config: Pick<RunConfig, "learn">): Collaboration {
  return config.learn.collaboration ?? "single";
}

/**
 * The members in the order of their roles: those of `policies`, else copies of the run's model.
 * @throws {ConfigError} when a member has no model, their number does not fit the mode, or none of them learns
 */
export function teamMembers(
  config: Pick<RunConfig, "learn" | "policies" | "model" | "adapter">,
): MemberPlan[] {
  const named = Object.entries(config.policies ?? {});
  const mode = collaborationOf(config);
  if (named.length > 0 && config.learn.collaboration === undefined) {
    throw new ConfigError("policies are named, but not how they work together", {
      hint: "add --collaboration ensemble, proposer-critic, hierarchical or decentralised; single leaves them aside",
    });
  }
  const own = (name: string): MemberPlan => ({
    name,
    model: modelOf(config, undefined),
    adapter: config.adapter,
    train: true,
  });
  if (mode === "single") return [own(SINGLE_MEMBER)];
  if (named.length === 0) {
    const [first, second] = ROLES[mode];
    return [own(first), { ...own(second), hotter: mode === "ensemble" ? SECOND_HOTTER : undefined }];
  }
  refuseWrongCount(
    mode,
    named.map(([name]) => name),
  );
  if (!named.some(([, { train }]) => train)) {
    throw new ConfigError("none of the policies is trained", {
      hint: "leave train: false away from at least one of them; w4s collect plays without training",
    });
  }
  return named.map(([name, { model, adapter, temperature, train }]) => {
    // The run's adapter fits the run's model.
    const start = adapter ?? (model === undefined ? config.adapter : undefined);
    return { name, model: modelOf(config, model), adapter: start, temperature, train };
  });
}

function modelOf(config: Pick<RunConfig, "model">, model: string | undefined): string {
  const found = model ?? config.model;
  if (found !== undefined) return found;
  throw new ConfigError("no weak model was named", { hint: "add --model NAME|FILE (w4s models list)" });
}

function refuseWrongCount(mode: Exclude<Collaboration, "single">, names: readonly string[]): void {
  const twice = names.find((name, i) => names.findIndex((one) => sameName(one, name)) !== i);
  if (twice !== undefined) {
    throw new ConfigError(`two policies are called ${twice}, but for capitals`, {
      hint: "their folders would be the same on some file systems: rename one",
    });
  }
  const roles = ROLES[mode];
  const hasRoles = mode === "proposer-critic" || mode === "hierarchical";
  const isRight = hasRoles
    ? names.length === roles.length
    : names.length >= roles.length && names.length <= MAX_MEMBERS;
  if (isRight) return;
  const wanted = hasRoles ? `exactly ${roles.length}` : `${roles.length} to ${MAX_MEMBERS}`;
  throw new ConfigError(`${mode} takes ${wanted} policies, got ${names.length} (${names.join(", ")})`, {
    hint: hasRoles
      ? `name two under policies: the ${roles[0]} first, then the ${roles[1]}; without any, both are copies of model`
      : "name them under policies; without any, two copies of model work together",
  });
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
