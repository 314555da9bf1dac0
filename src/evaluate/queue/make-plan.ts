/** @file From the settings of a run to the plan that its workers get, with the texts it names. */

import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { RunConfig } from "../../config/run-config.js";
import type { ToolsSetting } from "../../config/tools-schema.js";
import { ConfigError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { packageVersion } from "../../core/package-file.js";
import type { MeteredModel } from "../../llm/metered-model.js";
import type { Task } from "../../tasks/task.js";
import type { ToolSet } from "../../workflow/tool.js";
import type { LoadedTools } from "../load-tools.js";
import type { Rules } from "../rules.js";
import type { WorkflowModels } from "../workflow-agent.js";
import { askedHash, type PlannedModel, QUEUE_PROTOCOL, type QueuePlanInput } from "./queue-plan.js";
import type { SettingsBasis } from "./settings-basis.js";

export interface PlanParts {
  config: Pick<RunConfig, "params" | "executors" | "sendSeed" | "seed" | "judge" | "limits" | "tools">;
  run: string;
  task: Pick<Task, "name" | "metric" | "metricOptions">;
  models: WorkflowModels;
  basis: SettingsBasis;
  programsHash: string | undefined;
  hasPrograms: boolean;
  maxTokens: number;
  keepReplies: boolean;
  rules: Rules | undefined;
  tools: ToolSet | undefined;
}

/** @throws {ConfigError} on what cannot leave this process: a scorer or tools that a program made */
export function makePlan(parts: PlanParts): { plan: QueuePlanInput; texts: Map<string, string> } {
  const { config, task, models, rules, tools } = parts;
  const texts = new Map<string, string>();
  const put = (text: string) => {
    const hash = sha256(text);
    texts.set(hash, text);
    return hash;
  };
  if (task.metricOptions === undefined)
    throw new ConfigError(`${task.name} was made by a program, and its scorer cannot be handed to workers`, {
      hint: "write it as a dataset folder (w4s data import), or leave --queue out",
    });
  const planned = ({ id, price, role }: MeteredModel, alias?: string): PlannedModel => ({
    ...{ id, price, role, asked: askedHash(config, alias) },
  });
  const plan: QueuePlanInput = {
    protocol: QUEUE_PROTOCOL,
    version: packageVersion(),
    run: parts.run,
    task: task.name,
    executor: planned(models.executor),
    aliases: Object.fromEntries([...models.aliases].map(([alias, model]) => [alias, planned(model, alias)])),
    weak: models.weak ? planned(models.weak) : null,
    judge: config.judge ?? null,
    seed: config.seed,
    maxTokens: parts.maxTokens,
    keepReplies: parts.keepReplies,
    wallMs: config.limits.wallMs,
    limits: config.limits,
    metric: task.metric,
    metricOptions: { ...task.metricOptions },
    hasPrograms: parts.hasPrograms,
    rules: rules ? put(rules.toJson()) : null,
    tools: tools ? planTools(tools, config.tools, put) : null,
    basis: parts.basis,
    programsHash: parts.programsHash ?? null,
  };
  return { plan, texts };
}

function planTools(
  tools: ToolSet,
  path: ToolsSetting | undefined,
  put: (text: string) => string,
): NonNullable<QueuePlanInput["tools"]> {
  if (typeof path === "object")
    throw new ConfigError("tools of MCP servers cannot be handed to workers", {
      hint: "leave --queue out, or put what the servers do into a module (docs/tools.md)",
    });
  if (!("files" in tools) || path === undefined)
    throw new ConfigError("tools that a program hands over cannot be handed to workers", {
      hint: "put them into a module and name it in tools (docs/tools.md)",
    });
  const { files, module } = tools as LoadedTools;
  const outside = files.find((name) => /^\.\.([\\/]|$)/.test(normalize(name)));
  if (outside !== undefined)
    throw new ConfigError(`${path}: its file ${outside} lies outside the module's folder`, {
      hint: "workers get the files below that folder; move it there",
    });
  // As base64: files of tools need be no text.
  const contents = files.map((name) => [
    name,
    put(readFileSync(join(dirname(path), name)).toString("base64")),
  ]);
  return { module, files: Object.fromEntries(contents) };
}
