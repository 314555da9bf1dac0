/** @file The weights of a GGUF file as a layer's feeds: dequantised once and kept, or anew for every pass. */
import type { GgufFile } from "../formats/gguf/gguf-file.js";
import { encodeFloat16 } from "../formats/quant/half-float.js";
import { ALL_LINEAR_NAMES } from "./linear-name.js";
import type { WeightCache } from "./weight-plan.js";

/** Tables of angles that old converters left in every layer. */
const TABLES: ReadonlySet<string> = new Set(["attn_rot_embd.weight", "rope_freqs.weight"]);

/** Everything else, norms and convolution kernels too, is small and stays in float32. */
const MATRICES: ReadonlySet<string> = new Set(ALL_LINEAR_NAMES.map((name) => `${name}.weight`));

/** Weights by the names of the layer graph's inputs; Uint16Array holds float16 bits. */
export type LayerWeights = Record<string, Float32Array | Uint16Array>;

/**
 * Reads tensors through ranged reads and keeps them as the cache form says: `f32` and `f16` keep every matrix,
 * `streamed` keeps none and fills the same buffers again for each layer. Vectors always stay in float32.
 */
export class WeightStore {
  readonly cache: WeightCache;
  readonly #file: GgufFile;
  readonly #layers = new Map<number, LayerWeights>();
  readonly #rows = new Map<string, Float32Array | Uint16Array>();
  readonly #reused = new Map<string, Float32Array>();

  constructor(file: GgufFile, cache: WeightCache) {
    this.#file = file;
    this.cache = cache;
  }

  /** Input type of matrices in the graphs. */
  get weightType(): "float32" | "float16" {
    return this.cache === "f16" ? "float16" : "float32";
  }

  /** Names of the biases of a layer, such as `attn_q.bias`. */
  biases(layer: number): ReadonlySet<string> {
    return new Set(
      ALL_LINEAR_NAMES.map((name) => `${name}.bias`).filter((name) => this.#file.has(`blk.${layer}.${name}`)),
    );
  }

  /** A vector or small tensor outside the layers, in float32; undefined where the file has none. */
  vector(name: string): Float32Array | undefined {
    return this.#file.has(name) ? this.#file.readFloats(name) : undefined;
  }

  /** Everything a layer's graph is fed. With `streamed` the matrices are valid until the next call. */
  layer(index: number): LayerWeights {
    const known = this.#layers.get(index);
    if (known) return known;
    const weights: LayerWeights = {};
    const prefix = `blk.${index}.`;
    for (const name of this.#file.tensors.keys()) {
      if (!name.startsWith(prefix)) continue;
      const part = name.slice(prefix.length);
      if (TABLES.has(part)) continue;
      weights[part] = MATRICES.has(part) ? this.#matrix(name, part) : this.#file.readFloats(name);
    }
    if (this.cache !== "streamed") this.#layers.set(index, weights);
    return weights;
  }

  #matrix(name: string, part: string): Float32Array | Uint16Array {
    if (this.cache === "f32") return this.#file.readFloats(name);
    const count = this.#file.tensors.get(name)?.elementCount ?? 0;
    const floats = this.#file.readFloats(name, undefined, this.#buffer(part, count));
    return this.cache === "f16" ? encodeFloat16(floats, new Uint16Array(count)) : floats;
  }

  /** Rows `start` … `end` − 1 of a matrix [rows, columns], in the cache's form; used for the head's chunks. */
  rows(name: string, start: number, end: number): Float32Array | Uint16Array {
    const tensor = this.#file.tensors.get(name);
    const columns = tensor?.shape[1] ?? 0;
    const count = (end - start) * columns;
    if (this.cache === "streamed")
      return this.#file.readFloats(name, { start, end }, this.#buffer(`rows of ${name}`, count));
    const key = `${name} ${start} ${end}`;
    let kept = this.#rows.get(key);
    if (kept === undefined) {
      const floats = this.#file.readFloats(name, { start, end });
      kept = this.cache === "f16" ? encodeFloat16(floats, new Uint16Array(count)) : floats;
      this.#rows.set(key, kept);
    }
    return kept;
  }

  /** Single rows of a matrix, in float32 [ids.length, columns]: embeddings, or the head's rows of given tokens. */
  gather(name: string, ids: ArrayLike<number>): Float32Array {
    const columns = this.#file.tensors.get(name)?.shape[1] ?? 0;
    const out = new Float32Array(ids.length * columns);
    const known = new Map<number, number>();
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      const before = known.get(id);
      const target = out.subarray(i * columns, (i + 1) * columns);
      if (before !== undefined) target.set(out.subarray(before * columns, (before + 1) * columns));
      else this.#file.readFloats(name, { start: id, end: id + 1 }, target);
      if (before === undefined) known.set(id, i);
    }
    return out;
  }

  #buffer(key: string, count: number): Float32Array {
    let buffer = this.#reused.get(key);
    if (buffer === undefined || buffer.length < count) {
      buffer = new Float32Array(count);
      this.#reused.set(key, buffer);
    }
    return buffer.subarray(0, count);
  }
}
