import type { Backend } from "../../src/graph/backend.js";
import type { ModelDescription } from "../../src/transformer/read-model.js";

export interface TreeBatch {
  /** Segments of each row in order, as lengths: the prompt, then its replies; padding may follow. */
  rows: number[][];
  /** Tokens of every row. */
  length: number;
  /** [rows · length] */
  tokens: Int32Array;
  /** Predicted tokens by their place in `tokens`, the place that predicts them, and their weight. */
  targets: { place: number; source: number; weight: number }[];
}

export declare class FullGradients {
  constructor(options: { model: ModelDescription; backend: Backend; headStep?: number });
  run(
    batch: TreeBatch,
    parameters: ReadonlyMap<string, Float32Array>,
    into: ReadonlyMap<string, Float32Array>,
  ): Promise<number>;
  close(): Promise<void>;
}
