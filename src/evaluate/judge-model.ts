/** @file The model that grades: an executor of the configuration under the role "judge", its replies stored and counted. */

import type { RunConfig } from "../config/run-config.js";
import type { AnswerJudge, Grade } from "../core/answer-judge.js";
import type { Budget } from "../core/budget.js";
import { ConfigError, InternalError } from "../core/errors.js";
import type { ChatModel, ChatRequest } from "../llm/chat-model.js";
import { MeteredModel, type MeteredModelOptions, type MeteredResult } from "../llm/metered-model.js";
import { ModelJudge } from "./model-judge.js";
import type { WorkflowModels } from "./workflow-agent.js";

/** Parts of a run that a judge is made of. */
export interface JudgeContext {
  config: Pick<RunConfig, "seed" | "judge">;
  models: WorkflowModels;
  store: MeteredModelOptions["store"];
  budget: Budget;
}

/**
 * Before anything is opened.
 * @param role - said in the error. Default judge
 * @throws {ConfigError} where the name is no model of the configuration, or one that neither judges nor writes
 */
export function checkJudge(
  name: string,
  { executor, executors }: Pick<RunConfig, "executor" | "executors">,
  role = "judge",
): void {
  const known = ["executor", ...Object.keys(executors)];
  if (!known.includes(name)) {
    throw new ConfigError(`${role}: no model is called ${JSON.stringify(name)} here`, {
      hint: `name the executor or an alias of executors; known: ${known.join(", ")}`,
    });
  }
  if (name === "executor" && /^simulated(:|$)/.test(executor)) {
    throw new ConfigError(`${role}: the simulated executor cannot ${role === "judge" ? "judge" : "write"}`, {
      hint: `name an alias of executors that is a real model, or leave ${role} out`,
    });
  }
}

/** A model in the role "judge". */
export type JudgeModel = Pick<ChatModel, "id" | "chat">;

/** A model in a role of its own, whose replies tell what they cost. */
export interface RoleModel extends JudgeModel {
  chat(request: ChatRequest): Promise<MeteredResult>;
}

/**
 * @param name - one that `checkJudge` lets pass
 * @param role - in the ledger. Default judge
 */
export function judgeModel(
  name: string,
  { models, store, budget, config }: JudgeContext,
  role = "judge",
): RoleModel {
  const chosen = name === "executor" ? models.executor : models.aliases.get(name);
  if (!chosen) throw new InternalError(`there is no model ${name} for the role ${role}`);
  const metered = new MeteredModel({
    model: chosen.model,
    role,
    store,
    budget,
    seed: config.seed,
    price: chosen.price,
  });
  // A second attempt differs in temperature: no request is made twice.
  return { id: metered.id, chat: (request) => metered.chat(request, { occurrence: 0, epoch: 0 }) };
}

/** A judge for tasks that are opened before the models are; bound once those are there. */
export class LateJudge implements AnswerJudge {
  #judge: AnswerJudge | undefined;

  bind(context: JudgeContext): void {
    const { judge, seed } = context.config;
    if (judge === undefined) return;
    this.#judge = new ModelJudge({ model: judgeModel(judge, context), seed });
  }

  get id(): string {
    return this.#bound().id;
  }

  async grade(question: string, answer: string, options?: { signal?: AbortSignal }): Promise<Grade> {
    return await this.#bound().grade(question, answer, options);
  }

  #bound(): AnswerJudge {
    if (!this.#judge) throw new InternalError("the judge was asked before the models were open");
    return this.#judge;
  }
}
