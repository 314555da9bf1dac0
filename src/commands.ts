/** @file What the command line needs of the rest, loaded when a command runs. Not part of the package's doors. */

export { configExample } from "./config/config-example.js";
export { CONFIG_FILE, loadRunConfig } from "./config/config-file.js";
export { configWarnings } from "./config/config-layers.js";
export { preset } from "./config/presets.js";
export type { RewardName } from "./config/reward-shares.js";
export { chosenRewardWeights } from "./config/reward-shares.js";
export type { RunConfig } from "./config/run-config.js";
export type { BudgetLimits } from "./core/budget.js";
export {
  ConfigError,
  InputError,
  InternalError,
  ModelCallError,
  messageOf,
  StorageError,
  W4sError,
} from "./core/errors.js";
export { w4sHome } from "./core/w4s-home.js";
export { ReplayPolicy } from "./design/replay-policy.js";
export type { AskApproval } from "./evaluate/approval.js";
export { buildExecutor } from "./evaluate/build-executor.js";
export { cardContext } from "./evaluate/card-context.js";
export { LocalModels } from "./evaluate/local-models.js";
export { learnPrice } from "./evaluate/open-models.js";
export { cardText, workflowCard } from "./evaluate/workflow-card.js";
export { type WorkflowAnswer, WorkflowRunner } from "./evaluate/workflow-runner.js";
export { exportWorkflow, type WorkflowForm } from "./export/export-workflow.js";
export type { GgufHeader } from "./formats/gguf/gguf-contents.js";
export { inspectGguf } from "./formats/gguf/gguf-loadable.js";
export { makeTinyGguf } from "./formats/gguf/make-tiny-gguf.js";
export { readGgufHeader } from "./formats/gguf/read-gguf-header.js";
export type { WeightType } from "./formats/gguf/weight-type.js";
export { listModels, type PullProgress, pullModel, resolveModel } from "./hub/model-hub.js";
export { type DatasetFormat, exportDataset } from "./learn/export-dataset.js";
export { exportPrompts } from "./learn/export-prompts.js";
export { exportForTrainer, type TrainerName } from "./learn/hand-over.js";
export { forecastLearn, learn } from "./learn/learn.js";
export type { LearnEvent } from "./learn/learn-event.js";
export type { LearnResult } from "./learn/learn-result.js";
export { relabel } from "./learn/relabel.js";
export { scoreText, type TextScore } from "./learn/score-text.js";
export { type TrainAdapterOptions, trainAdapter } from "./learn/train-adapter.js";
export type { ChatMessage, ChatModel } from "./llm/chat-model.js";
export { isLoss } from "./llm/fault-class.js";
export { LocalModel } from "./llm/local/local-model.js";
export { givenPrice, type Price, priceFor } from "./llm/prices.js";
export { adapterFit, trainerProblem } from "./lora/adapter-fit.js";
export { type AdapterFormat, exportAdapter, importAdapter } from "./lora/export-adapter.js";
export { adapterLineage } from "./records/adapter-lineage.js";
export { auditRun, type RunAudit } from "./records/audit-run.js";
export { namedRun } from "./records/find-run.js";
export { type ListedRun, listRuns } from "./records/list-runs.js";
export { readTurns } from "./records/read-turns.js";
export type { ResultRow } from "./records/result-row.js";
export { rollback } from "./records/rollback.js";
export type { RoundRecord } from "./records/round-record.js";
export { adaptersOf } from "./records/run-adapters.js";
export type { Forecast, RunEvent } from "./records/run-event.js";
export { bestLevel, readTrajectory } from "./records/trajectory.js";
export { htmlReport } from "./report/html-report.js";
export { cellText } from "./report/report-table.js";
export { type RunReport, readRunReport } from "./report/run-report.js";
export { readServeLog, serveLogFiles, serveLogTables } from "./report/server/serve-log.js";
export { serveLogPage } from "./report/server/serve-log-page.js";
export { type TextReport, textReport } from "./report/text-report.js";
export { writeReport } from "./report/write-report.js";
export { type EvaluateResult, evaluate, readWorkflowFile } from "./run/evaluate.js";
export { collect, type OptimizeResult, optimize } from "./run/optimize.js";
export { evaluateSuite } from "./run/suite/evaluate-suite.js";
export { loadSuite } from "./run/suite/load-suite.js";
export { suiteTables } from "./run/suite/suite-tables.js";
export { TaskOpener } from "./run/task-opener.js";
export { QueueWorker } from "./run/worker/queue-worker.js";
export { addKey } from "./serve/key-ring.js";
export { loadServer } from "./serve/load-server.js";
export { drawRobotRun } from "./tasks/families/robot/draw-map.js";
export { importBenchmark } from "./tasks/import-benchmark.js";
export { type ImportOptions, type ImportPreview, importDataset } from "./tasks/import-dataset.js";
export { datasetNamed, listDatasets } from "./tasks/list-datasets.js";
export { separatorOf } from "./tasks/reading/guess-separator.js";
export type { Sample, Score, Task, VisibleTask } from "./tasks/task.js";
export { type DatasetReport, validateDataset } from "./tasks/validate-dataset.js";
export type { TrainEvent } from "./train/loop/train-event.js";
export { LINEAR_NAMES } from "./transformer/linear-name.js";
