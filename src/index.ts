/** @file The library's front door, described in docs/library.md. Re-exports only. */

export { loadRunConfig } from "./config/config-file.js";
export { parseRunConfig } from "./config/config-layers.js";
export type { RunConfig } from "./config/run-config.js";
export { Budget } from "./core/budget.js";
export {
  BudgetExceededError,
  ConfigError,
  FormatError,
  InputError,
  ModelCallError,
  TrainingDivergedError,
  UnsupportedModelError,
  W4sError,
} from "./core/errors.js";
export { LocalPolicy, type Policy } from "./design/policy.js";
export { discreteReward, relativeGainReward } from "./design/reward.js";
export { WorkflowRunner } from "./evaluate/workflow-runner.js";
export { resolveModel } from "./hub/model-hub.js";
export { learn } from "./learn/learn.js";
export type { LearnResult } from "./learn/learn-result.js";
export { trainAdapter } from "./learn/train-adapter.js";
export type { ChatModel, ChatRequest, ChatResult } from "./llm/chat-model.js";
export { LocalChatModel } from "./llm/local/local-chat-model.js";
export { LocalModel } from "./llm/local/local-model.js";
export { OpenAIChatModel } from "./llm/openai/openai-chat-model.js";
export { exportAdapter } from "./lora/export-adapter.js";
export { readRun, type StoredRun } from "./records/read-run.js";
export { type EvaluateResult, evaluate } from "./run/evaluate.js";
export { collect, type OptimizeResult, optimize } from "./run/optimize.js";
export type { RunHooks } from "./run/run-hooks.js";
export { loadTask } from "./tasks/load-task.js";
export type { Task } from "./tasks/task.js";
