/** @file `w4s/tasks`: datasets, scorers' helpers, judges and own tools. Re-exports only; described in docs/library.md. */

export { cohenKappa, summarizeComparisons } from "./evaluate/cohen-kappa.js";
export { loadTools } from "./evaluate/load-tools.js";
export { ModelJudge, WRITING_RUBRIC } from "./evaluate/model-judge.js";
export { SentenceEmbedder } from "./llm/embedding/sentence-embedder.js";
export { drawRobotRun } from "./tasks/families/robot/draw-map.js";
export { type GenerateOptions, generateFamily } from "./tasks/families.js";
export { type ImportBenchmarkOptions, importBenchmark } from "./tasks/import-benchmark.js";
export { type ImportOptions, importDataset } from "./tasks/import-dataset.js";
export { listDatasets } from "./tasks/list-datasets.js";
export type { LoadTaskOptions } from "./tasks/load-task.js";
export type { Sample, Score, Scorer } from "./tasks/task.js";
export { validateDataset } from "./tasks/validate-dataset.js";
export { writeDataset } from "./tasks/write-dataset.js";
export { PythonSandbox } from "./workflow/python/python-sandbox.js";
export type { Tool } from "./workflow/tool.js";
