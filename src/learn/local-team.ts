/** @file The weak models in memory: one per model file and adapter in use, behind one policy. */

import type { Collaboration } from "../config/policies-schema.js";
import type { RunConfig } from "../config/run-config.js";
import type { Policy } from "../design/policy.js";
import { TeamPolicy } from "../design/team-policy.js";
import { LocalModel } from "../llm/local/local-model.js";
import { localPolicy, type PolicySetting } from "../run/local-policy.js";
import type { Adapters, Member } from "./member.js";
import type { Team } from "./team.js";

export interface LocalTeamOptions {
  config: Pick<RunConfig, "gpu" | PolicySetting>;
  collaboration: Collaboration;
  /** In the order of their roles. */
  members: readonly Member[];
  threads: number;
  /** Tokens of a recorded reply after its prompt, on which adapters have to show themselves. Default: a short prompt's. */
  adapterProbe?: (() => readonly number[] | undefined) | undefined;
  /** Told what is odd about a model or its adapter. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Loads what a policy needs and closes what it does not: weak models are small, but not free. */
export class LocalTeam implements Team {
  readonly #options: LocalTeamOptions;
  readonly #loaded = new Map<string, LocalModel>();
  #current: { key: string; policy: Policy } | undefined;

  constructor(options: LocalTeamOptions) {
    this.#options = options;
  }

  /** Members with the same model and adapter share a model in memory. */
  async policy(adapters: Adapters, only?: string): Promise<Policy> {
    const { members, collaboration, config } = this.#options;
    const wanted = members
      .filter(({ name }) => only === undefined || name === only)
      .map((member) => ({ member, path: adapters.get(member.name)?.path }));
    const key = JSON.stringify([only, wanted.map(({ member, path }) => modelKey(member, path))]);
    if (this.#current?.key === key) return this.#current.policy;
    this.#current = undefined;
    const needed = new Set(wanted.map(({ member, path }) => modelKey(member, path)));
    for (const [name, model] of this.#loaded) {
      if (needed.has(name)) continue;
      this.#loaded.delete(name);
      await model.close();
    }
    const team = [];
    for (const { member, path } of wanted) {
      const policy = localPolicy(await this.#load(member, path), config);
      const { name, temperature, hotter } = member;
      team.push({ name, policy, temperature, hotter });
    }
    const kind = collaboration === "decentralised" ? "ensemble" : collaboration;
    const [first] = team;
    if (first === undefined) throw new RangeError(`no member ${only ?? ""}`);
    const policy = kind === "single" ? first.policy : new TeamPolicy(kind, team);
    this.#current = { key, policy };
    return policy;
  }

  async release(): Promise<void> {
    this.#current = undefined;
    const models = [...this.#loaded.values()];
    this.#loaded.clear();
    for (const model of models) await model.close();
  }

  async #load(member: Member, adapterPath: string | undefined): Promise<LocalModel> {
    const key = modelKey(member, adapterPath);
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const model = await LocalModel.load({
      modelPath: member.modelPath,
      gpu: this.#options.config.gpu,
      threads: this.#options.threads,
      adapterPath,
      adapterProbe: this.#options.adapterProbe?.(),
    });
    for (const message of model.info.warnings) this.#options.onWarning?.(message);
    this.#loaded.set(key, model);
    return model;
  }
}

function modelKey({ modelPath }: Member, adapterPath: string | undefined): string {
  return JSON.stringify([modelPath, adapterPath ?? null]);
}
