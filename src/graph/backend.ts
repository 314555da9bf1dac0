/** @file What a backend is: it compiles a graph into a program that is fed and run. */
import type { Graph } from "./value.js";

/** float32 inputs take Float32Array, float16 ones Uint16Array (the bits). */
export type NumericArray = Float32Array | Float64Array | Uint16Array;

export interface Program {
  /**
   * Runs once. Feeds are only read. Results named in `outputs` are written there (and returned), the others get
   * arrays of their own: Float64Array from the reference backend in float64, else Float32Array.
   * @throws {ShapeError} for a missing, unknown or ill-sized feed or output array.
   */
  run(
    feeds: Readonly<Record<string, NumericArray>>,
    outputs?: Readonly<Record<string, Float32Array>>,
  ): Promise<Record<string, Float32Array | Float64Array>>;
  dispose(): Promise<void>;
}

export interface Backend {
  readonly name: string;
  compile(graph: Graph): Promise<Program>;
  /**
   * Says that an array is fed often and never changes: a backend with memory of its own may keep a copy there until
   * `free()`. Absent where nothing is gained.
   */
  hold?(array: NumericArray): void;
  /** Gives up the copies of held arrays; programs go on without them. */
  free?(): Promise<void>;
}
