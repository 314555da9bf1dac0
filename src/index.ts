/** @file Everything the commands do, as typed functions. Re-exports only. */
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
export { w4sHome } from "./core/home.js";
export type { ProgramCheck, ProgramRun, ProgramRunner } from "./core/program-runner.js";
export { Random } from "./core/random.js";
export { similarity, type TextEmbedder } from "./core/text-embedder.js";
export type { GgufHeader } from "./formats/gguf-contents.js";
export { readGgufHeader } from "./formats/gguf-header.js";
export { inspectGguf } from "./formats/gguf-loadable.js";
export { makeTinyGguf } from "./formats/tiny-gguf.js";
export { OrtBackend } from "./graph/ort-backend.js";
export { listModels, type PullProgress, pullModel, resolveModel } from "./hub/model-hub.js";
export type { ChatMessage, ChatModel, ChatRequest, ChatResult, Usage } from "./llm/chat-model.js";
export { LocalChatModel } from "./llm/local-chat-model.js";
export { LocalModel } from "./llm/local-model.js";
export { OpenAIChatModel } from "./llm/openai-chat-model.js";
export { priceFor } from "./llm/prices.js";
export { SentenceEmbedder, type SentenceEmbedderOptions } from "./llm/sentence-embedder.js";
export { SimulatedChatModel } from "./llm/simulated-chat-model.js";
export type { MergedType } from "./lora/merge-adapter.js";
export { htmlReport } from "./report/html-report.js";
export { cellText, type ReportTable } from "./report/report-table.js";
export { textReport } from "./report/text-report.js";
export { writeReport } from "./report/write-report.js";
export { auditRun, type RunAudit } from "./rlao/audit-run.js";
export { type DatasetFormat, exportDataset } from "./rlao/dataset-export.js";
export { type AdapterFormat, exportAdapter, importAdapter } from "./rlao/export-adapter.js";
export { exportPrompts } from "./rlao/export-prompts.js";
export { adapterFit, trainerProblem } from "./rlao/inspect-training.js";
export { learn } from "./rlao/learn.js";
export type { LearnEvent } from "./rlao/learn-event.js";
export type { LearnResult } from "./rlao/learn-result.js";
export type { LearnHooks } from "./rlao/learn-session.js";
export { adapterLineage } from "./rlao/lineage.js";
export { relabel } from "./rlao/relabel.js";
export { rollback } from "./rlao/rollback.js";
export type { MemberRecord, RoundRecord } from "./rlao/round-record.js";
export { readRunReport } from "./rlao/run-report-data.js";
export { type ScoreTextOptions, scoreText, type TextScore } from "./rlao/score-text.js";
export { type TrainAdapterOptions, type TrainAdapterResult, trainAdapter } from "./rlao/train-adapter.js";
export {
  type ComparisonSummary,
  cohenKappa,
  type KappaWeights,
  summarizeComparisons,
} from "./rollout/agreement.js";
export type { ApprovalAnswer, ApprovalRequest, AskApproval } from "./rollout/approval.js";
export { CallPolicy } from "./rollout/call-policy.js";
export { cardContext, measuredUse } from "./rollout/card-context.js";
export { configExample } from "./rollout/config-example.js";
export { CONFIG_FILE, type ConfigSources, loadRunConfig } from "./rollout/config-file.js";
export { configWarnings, parseRunConfig } from "./rollout/config-layers.js";
export { type EvaluateOptions, type EvaluateResult, evaluate, readWorkflowFile } from "./rollout/evaluate.js";
export { buildExecutor, buildWeakModel } from "./rollout/executors.js";
export { loadTools } from "./rollout/load-tools.js";
export {
  type Comparison,
  ModelJudge,
  type ModelJudgeOptions,
  WRITING_RUBRIC,
} from "./rollout/model-judge.js";
export { openEmbedder } from "./rollout/open-embedder.js";
export { collect, type OptimizeResult, optimize } from "./rollout/optimize.js";
export type { Collaboration } from "./rollout/policies-schema.js";
export { type Action, type HelperReply, LocalPolicy, type Policy } from "./rollout/policy.js";
export { preset } from "./rollout/presets.js";
export { ReplayPolicy } from "./rollout/replay-policy.js";
export {
  discreteReward,
  type RewardFunction,
  type RewardName,
  relativeGainReward,
} from "./rollout/reward.js";
export { chosenRewardWeights, type RewardWeights } from "./rollout/reward-weights.js";
export { type RunConfig, type RunConfigInput, runConfigSchema } from "./rollout/run-config.js";
export type { Forecast, OnRunEvent, RunEvent } from "./rollout/run-event.js";
export type { SampleRun } from "./rollout/run-sample.js";
export type { ResultRow, Spent } from "./rollout/run-summary.js";
export { type WorkflowAnswer, WorkflowRunner, type WorkflowRunnerOptions } from "./rollout/run-workflow.js";
export { bootstrapInterval, type Interval, pairedDifference } from "./rollout/statistics.js";
export { evaluateSuite } from "./rollout/suite/evaluate-suite.js";
export { loadSuite } from "./rollout/suite/suite-file.js";
export type { SuiteResult } from "./rollout/suite/suite-result.js";
export { suiteTables } from "./rollout/suite/suite-tables.js";
export { programSandbox } from "./rollout/task-bench.js";
export { type TeamKind, type TeamMember, TeamPolicy } from "./rollout/team-policy.js";
export type { ToolUse } from "./rollout/tool-box.js";
export { readTrajectory, type TrajectoryRecord } from "./rollout/trajectory.js";
export { cardText, type WorkflowCard, workflowCard } from "./rollout/workflow-card.js";
export type { RunHooks } from "./rollout/workplace.js";
export { drawRobotRun } from "./tasks/families/robot/draw-map.js";
export type { RobotRecord } from "./tasks/families/robot/robot-score.js";
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
export { actionExample } from "./train/example.js";
export type { TrainEvent } from "./train/train-event.js";
export { type TrainModelOptions, type TrainModelResult, trainModel } from "./train/train-model.js";
export { DEFAULT_MODEL_TRAIN_SETTINGS } from "./train/train-settings.js";
export { writeModel } from "./train/write-model.js";
export { LINEAR_NAMES } from "./transformer/linear-name.js";
export { extractWorkflow } from "./workflow/extract-workflow.js";
export { PythonSandbox } from "./workflow/python-sandbox.js";
export { QuickJsSandbox } from "./workflow/quickjs-sandbox.js";
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
