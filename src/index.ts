/** @file Everything the commands do, as typed functions. Re-exports only. */

export { configExample } from "./config/config-example.js";
export { CONFIG_FILE, type ConfigSources, loadRunConfig } from "./config/config-file.js";
export { configWarnings, parseRunConfig } from "./config/config-layers.js";
export type { Collaboration } from "./config/policies-schema.js";
export { preset } from "./config/presets.js";
export { chosenRewardWeights, type RewardWeights } from "./config/reward-shares.js";
export { type RunConfig, type RunConfigInput, runConfigSchema } from "./config/run-config.js";
export type { AnswerJudge, Criterion, Grade } from "./core/answer-judge.js";
export { Budget, type BudgetLimits } from "./core/budget.js";
export {
  BudgetExceededError,
  ConfigError,
  FormatError,
  InputError,
  InternalError,
  ModelCallError,
  messageOf,
  RunInUseError,
  StorageError,
  UnsupportedModelError,
  W4sError,
} from "./core/errors.js";
export { sha256 } from "./core/hash.js";
export type { ProgramCheck, ProgramRun, ProgramRunner } from "./core/program-runner.js";
export { Random } from "./core/random.js";
export { bootstrapInterval, type Interval, pairedDifference } from "./core/statistics.js";
export { similarity, type TextEmbedder } from "./core/text-embedder.js";
export { w4sHome } from "./core/w4s-home.js";
export { type Action, type HelperReply, LocalPolicy, type Policy } from "./design/policy.js";
export { ReplayPolicy } from "./design/replay-policy.js";
export {
  discreteReward,
  type RewardFunction,
  type RewardName,
  relativeGainReward,
} from "./design/reward.js";
export { type TeamKind, type TeamMember, TeamPolicy } from "./design/team-policy.js";
export type { ApprovalAnswer, ApprovalRequest, AskApproval } from "./evaluate/approval.js";
export { buildExecutor, buildWeakModel } from "./evaluate/build-executor.js";
export { CallPolicy } from "./evaluate/call-policy.js";
export { cardContext, measuredUse } from "./evaluate/card-context.js";
export {
  type ComparisonSummary,
  cohenKappa,
  type KappaWeights,
  summarizeComparisons,
} from "./evaluate/cohen-kappa.js";
export { loadTools } from "./evaluate/load-tools.js";
export {
  type Comparison,
  ModelJudge,
  type ModelJudgeOptions,
  WRITING_RUBRIC,
} from "./evaluate/model-judge.js";
export { openEmbedder } from "./evaluate/open-embedder.js";
export type { SampleRun } from "./evaluate/run-sample.js";
export type { ToolUse } from "./evaluate/tool-box.js";
export { cardText, type WorkflowCard, workflowCard } from "./evaluate/workflow-card.js";
export {
  type WorkflowAnswer,
  WorkflowRunner,
  type WorkflowRunnerOptions,
} from "./evaluate/workflow-runner.js";
export type { GgufHeader } from "./formats/gguf/gguf-contents.js";
export { inspectGguf } from "./formats/gguf/gguf-loadable.js";
export { makeTinyGguf } from "./formats/gguf/make-tiny-gguf.js";
export { readGgufHeader } from "./formats/gguf/read-gguf-header.js";
export { OrtBackend } from "./graph/ort-backend.js";
export { listModels, type PullProgress, pullModel, resolveModel } from "./hub/model-hub.js";
export { type DatasetFormat, exportDataset } from "./learn/export-dataset.js";
export { exportPrompts } from "./learn/export-prompts.js";
export { learn } from "./learn/learn.js";
export type { LearnEvent } from "./learn/learn-event.js";
export type { LearnResult } from "./learn/learn-result.js";
export type { LearnHooks } from "./learn/learn-session.js";
export { relabel } from "./learn/relabel.js";
export { type ScoreTextOptions, scoreText, type TextScore } from "./learn/score-text.js";
export { type TrainAdapterOptions, type TrainAdapterResult, trainAdapter } from "./learn/train-adapter.js";
export type { ChatMessage, ChatModel, ChatRequest, ChatResult, Usage } from "./llm/chat-model.js";
export { SentenceEmbedder, type SentenceEmbedderOptions } from "./llm/embedding/sentence-embedder.js";
export { LocalChatModel } from "./llm/local/local-chat-model.js";
export { LocalModel } from "./llm/local/local-model.js";
export { OpenAIChatModel } from "./llm/openai/openai-chat-model.js";
export { priceFor } from "./llm/prices.js";
export { SimulatedChatModel } from "./llm/simulated/simulated-chat-model.js";
export { adapterFit, trainerProblem } from "./lora/adapter-fit.js";
export { type AdapterFormat, exportAdapter, importAdapter } from "./lora/export-adapter.js";
export type { MergedType } from "./lora/merge-adapter.js";
export { adapterLineage } from "./records/adapter-lineage.js";
export { auditRun, type RunAudit } from "./records/audit-run.js";
export { rollback } from "./records/rollback.js";
export type { MemberRecord, RoundRecord } from "./records/round-record.js";
export type { Forecast, OnRunEvent, RunEvent } from "./records/run-event.js";
export { readRunReport } from "./records/run-report-data.js";
export type { ResultRow, Spent } from "./records/run-summary.js";
export { readTrajectory, type TrajectoryRecord } from "./records/trajectory.js";
export { htmlReport } from "./report/html-report.js";
export { cellText, type ReportTable } from "./report/report-table.js";
export { textReport } from "./report/text-report.js";
export { writeReport } from "./report/write-report.js";
export { type EvaluateOptions, type EvaluateResult, evaluate, readWorkflowFile } from "./run/evaluate.js";
export { collect, type OptimizeResult, optimize } from "./run/optimize.js";
export { evaluateSuite } from "./run/suite/evaluate-suite.js";
export { loadSuite } from "./run/suite/load-suite.js";
export type { SuiteResult } from "./run/suite/suite-result.js";
export { suiteTables } from "./run/suite/suite-tables.js";
export { programSandbox } from "./run/task-bench.js";
export type { RunHooks } from "./run/workplace.js";
export { drawRobotRun } from "./tasks/families/robot/draw-map.js";
export type { RobotRecord } from "./tasks/families/robot/score-robot-run.js";
export { EPISODE_FAMILIES, FAMILIES, generateFamily } from "./tasks/families.js";
export {
  BENCHMARK_NAMES,
  type ImportBenchmarkOptions,
  type ImportBenchmarkReport,
  importBenchmark,
} from "./tasks/import-benchmark.js";
export { type ImportOptions, importDataset } from "./tasks/import-dataset.js";
export { listDatasets } from "./tasks/list-datasets.js";
export { loadTask } from "./tasks/load-task.js";
export type { Episode, Sample, Score, Scorer, Task, VisibleTask } from "./tasks/task.js";
export { type DatasetReport, validateDataset } from "./tasks/validate-dataset.js";
export { visibleTask } from "./tasks/visible-task.js";
export { actionExample } from "./train/data/example.js";
export type { TrainEvent } from "./train/loop/train-event.js";
export { writeModel } from "./train/loop/write-model.js";
export { type TrainModelOptions, type TrainModelResult, trainModel } from "./train/train-model.js";
export { DEFAULT_MODEL_TRAIN_SETTINGS } from "./train/train-settings.js";
export { LINEAR_NAMES } from "./transformer/linear-name.js";
export { PythonSandbox } from "./workflow/python/python-sandbox.js";
export { extractWorkflow } from "./workflow/reading/extract-workflow.js";
export { QuickJsSandbox } from "./workflow/sandbox/quickjs-sandbox.js";
export { subsetGrammar } from "./workflow/subset-grammar.js";
export { TECHNIQUES } from "./workflow/techniques.js";
export type { Tool, ToolContext, ToolSet } from "./workflow/tool.js";
export type {
  AgentHost,
  Sandbox,
  SandboxLimits,
  WorkflowRun,
  WorkflowStatus,
} from "./workflow/workflow-run.js";
