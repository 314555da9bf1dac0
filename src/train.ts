/** @file `w4s/train`: the trainer under `trainAdapter`, and data for other trainers. Re-exports only; described in docs/library.md. */

export { OrtBackend } from "./graph/ort-backend.js";
export { exportDataset } from "./learn/export-dataset.js";
export { relabel } from "./learn/relabel.js";
export { scoreText } from "./learn/score-text.js";
export type { TrainAdapterOptions } from "./learn/train-adapter.js";
export { actionExample, type TokenExample } from "./train/data/example.js";
export type { TrainEvent } from "./train/loop/train-event.js";
export { writeModel } from "./train/loop/write-model.js";
export { trainLora } from "./train/train-lora.js";
export { trainModel } from "./train/train-model.js";
export {
  DEFAULT_MODEL_TRAIN_SETTINGS,
  DEFAULT_TRAIN_SETTINGS,
  type ModelTrainSettings,
  type TrainSettings,
} from "./train/train-settings.js";
export { LINEAR_NAMES } from "./transformer/linear-name.js";
