/** @file Where a pass takes its weights from: a file that stays as it is, or the numbers that train. */
import type { Backend, NumericArray } from "../../graph/backend.js";
import type { LayerWeights, WeightStore } from "../../transformer/weight-store.js";

/** The part of a WeightStore that passes read. */
export type PassWeights = Pick<WeightStore, "weightType" | "biases" | "vector" | "layer" | "rows" | "gather">;

/**
 * Weights of a frozen model, held where the backend computes: they are most of what passes are fed. Those that are
 * dequantised anew for every pass are not, since their arrays are filled again.
 */
export function heldWeights(weights: WeightStore, backend: Backend): PassWeights {
  if (backend.hold === undefined || weights.cache === "streamed") return weights;
  const hold = <T extends NumericArray>(array: T): T => {
    backend.hold?.(array);
    return array;
  };
  return {
    weightType: weights.weightType,
    biases: (layer) => weights.biases(layer),
    vector: (name) => weights.vector(name),
    layer: (index) => {
      const own = weights.layer(index);
      Object.values(own).forEach(hold);
      return own;
    },
    rows: (name, start, end) => hold(weights.rows(name, start, end)),
    gather: (name, ids) => weights.gather(name, ids),
  };
}

/** Every weight of a model, by the names of its GGUF tensors, row-major; the arrays are used as they are, not copied. */
export class ParameterWeights implements PassWeights {
  readonly weightType = "float32";
  readonly #parameters: ReadonlyMap<string, Float32Array>;
  readonly #fixed: PassWeights;
  readonly #hiddenSize: number;
  readonly #layers = new Map<number, LayerWeights>();

  /**
   * @param fixed what does not train, such as `rope_freqs.weight`
   * @param hiddenSize columns of the embedding and of the head
   */
  constructor(parameters: ReadonlyMap<string, Float32Array>, fixed: PassWeights, hiddenSize: number) {
    this.#parameters = parameters;
    this.#fixed = fixed;
    this.#hiddenSize = hiddenSize;
  }

  biases(layer: number): ReadonlySet<string> {
    return this.#fixed.biases(layer);
  }

  vector(name: string): Float32Array | undefined {
    return this.#parameters.get(name) ?? this.#fixed.vector(name);
  }

  layer(index: number): LayerWeights {
    let weights = this.#layers.get(index);
    if (weights === undefined) {
      const prefix = `blk.${index}.`;
      const own = [...this.#parameters].filter(([name]) => name.startsWith(prefix));
      weights = Object.fromEntries(own.map(([name, values]) => [name.slice(prefix.length), values]));
      this.#layers.set(index, weights);
    }
    return weights;
  }

  rows(name: string, start: number, end: number): Float32Array {
    return this.#matrix(name).subarray(start * this.#hiddenSize, end * this.#hiddenSize);
  }

  gather(name: string, ids: ArrayLike<number>): Float32Array {
    const matrix = this.#matrix(name);
    const D = this.#hiddenSize;
    const out = new Float32Array(ids.length * D);
    for (let i = 0; i < ids.length; i++) {
      const row = (ids[i] as number) * D;
      out.set(matrix.subarray(row, row + D), i * D);
    }
    return out;
  }

  #matrix(name: string): Float32Array {
    return this.#parameters.get(name) as Float32Array;
  }
}
