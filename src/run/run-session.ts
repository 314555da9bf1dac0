/** @file One task with everything a run of it needs; what several tasks share is in workplace.ts. */

import type { RunConfig } from "../config/run-config.js";
import { ConfigError, W4sError } from "../core/errors.js";
import { refuseUnmeasured } from "../design/composite-reward.js";
import { LocalPolicy, type Policy } from "../design/policy.js";
import { loadLocal } from "../evaluate/build-executor.js";
import type { LocalModel } from "../llm/local/local-model.js";
import { spentOf } from "../records/result-row.js";
import { loadTask } from "../tasks/load-task.js";
import { openTask, programSandbox, type TaskBench, taskTools } from "./task-bench.js";
import { openWorkplace, type RunHooks, type Workplace, weakName } from "./workplace.js";

export interface RunSession extends Workplace, TaskBench {
  policy: Policy | undefined;
}

/** Which parts a command needs. */
export interface SessionNeeds {
  command: "optimize" | "collect" | "eval";
  policy: boolean;
  /** Overrides the executor of the configuration (transfer tables). */
  executor?: string;
}

/**
 * Opens a session. Whatever was opened is closed again when a later part fails.
 * @throws {ConfigError | InputError | ModelCallError} before anything is paid.
 */
export async function openSession(
  config: RunConfig,
  needs: SessionNeeds,
  hooks: RunHooks,
): Promise<RunSession> {
  const programs = programSandbox();
  const tools = taskTools(config, hooks, programs);
  const task = await loadTask(config.task, tools);
  if (needs.policy) refuseUnmeasured(config, task);
  let policy: Policy | undefined = hooks.policy;
  const workplace = await openWorkplace(
    config,
    {
      command: needs.command,
      label: config.task,
      ...(needs.executor === undefined ? {} : { executor: needs.executor }),
      programs,
      prepare: async (context) => {
        if (needs.policy && !hooks.policy && !config.model) {
          throw new ConfigError("no weak model was named", {
            hint: "add --model NAME|FILE (w4s models list)",
          });
        }
        const wantsModel = (needs.policy && !hooks.policy) || weakName(config, needs.command) === "policy";
        const model = wantsModel && config.model ? await loadLocal(config.model, context) : undefined;
        if (needs.policy && model) policy ??= localPolicy(model, config);
        return {
          policy: policy ? `${policy.info.id} on ${policy.info.device}` : "none",
          inputs: {
            taskHash: task.hash,
            modelHash: model?.info.modelHash ?? null,
            adapterHash: model?.info.adapterHash ?? null,
          },
        };
      },
    },
    hooks,
  );
  try {
    tools.judge?.bind(workplace);
    const bench = await openTask(workplace, task);
    return { ...workplace, ...bench, policy };
  } catch (error) {
    await workplace.close();
    throw error;
  }
}

export function localPolicy(model: LocalModel, config: RunConfig): Policy {
  return new LocalPolicy(model, {
    style: config.promptStyle,
    grammar: config.grammar,
    logProbs: config.logProbs,
  });
}

/** Tells what was spent so far over all sessions of the run. */
export function emitSpent(session: Pick<RunSession, "store" | "emit">): void {
  const { calls, tokens, dollars } = spentOf(session.store.ledgerTotals());
  session.emit({ type: "spent", calls, tokens, dollars });
}

/** True for what ends a run early but leaves it resumable: budget, abort, outage. */
export function isInterruption(error: unknown): boolean {
  if (W4sError.is(error))
    return error.code === "budget" || error.code === "approval" || error.code.startsWith("model-");
  return error instanceof DOMException && error.name === "AbortError";
}
