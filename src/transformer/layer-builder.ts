/** @file The words in which a family writes its layer, on top of a graph builder. */
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import type { AttentionBlock, AttentionPlan } from "./attention-plan.js";
import { scaled } from "./head-graph.js";
import { type LinearName, linearsOf } from "./linear-name.js";
import type { LayerConfig, ModelConfig } from "./model-config.js";
import type { Segment } from "./token-layout.js";

/** Called for every matrix [out, in] of a layer; what it returns takes the place of the product x·Wᵀ. */
export type LinearHook = (
  builder: GraphBuilder,
  linear: { name: LinearName; input: Value; weight: Value },
) => Value | undefined;

export interface LayerBuilderOptions {
  config: ModelConfig;
  plan: AttentionPlan;
  /** The layer, or any other of its kind. Default one with the seven matrices of LINEAR_NAMES. */
  layer?: LayerConfig | undefined;
  /** Names of the layer's biases, such as `attn_q.bias`. */
  biases: ReadonlySet<string>;
  /** Type of the matrices that are fed; float16 ones are cast in the graph. Default float32. */
  weightType?: "float32" | "float16" | undefined;
  onLinear?: LinearHook | undefined;
  /** Called with every value that is dear to compute again: products and attention. Names are unique in a layer. */
  onKeep?: ((name: string, value: Value) => void) | undefined;
}

/** Builds one layer; weights, rotary table and masks become inputs of the graph, named as the feeds are. */
export class LayerBuilder {
  readonly #graph: GraphBuilder;
  readonly #options: LayerBuilderOptions;
  /** Weight inputs made so far, by name. */
  readonly inputs = new Map<string, Value>();

  constructor(graph: GraphBuilder, options: LayerBuilderOptions) {
    this.#graph = graph;
    this.#options = options;
  }

  /** Has the layer this matrix? */
  has(name: LinearName): boolean {
    return linearsOf(this.#options.layer ?? {}).includes(name);
  }

  /** x + what a block added to it, scaled where the model says so. */
  residual(name: "attn" | "ffn", x: Value, block: Value): Value {
    const added = scaled(this.#graph, block, this.#options.config.residualScale);
    return this.#kept(`${name}_residual`, this.#graph.add(x, added));
  }

  /** RMS norm over the last axis with `<name>.weight`. */
  norm(name: string, x: Value): Value {
    const weight = this.#input(`${name}.weight`, [x.shape.at(-1) as number]);
    return this.#graph.rmsNorm(x, weight, this.#options.config.normEpsilon);
  }

  /** RMS norm of every head alone; x [T, heads·d], one weight [d] for all heads. */
  headNorm(name: string, x: Value): Value {
    const { headSize } = this.#options.config;
    const [tokens, width] = x.shape as [number, number];
    const heads = this.#graph.reshape(x, [tokens * (width / headSize), headSize]);
    return this.#graph.reshape(this.norm(name, heads), [tokens, width]);
  }

  /** x [T, in] · Wᵀ (+ bias) → [T, out], with `<name>.weight` [out, in]. */
  linear(name: LinearName, x: Value): Value {
    const { biases, weightType = "float32", onLinear } = this.#options;
    const [inSize, outSize] = linearShape(this.#options.config, name);
    const fed = this.#input(`${name}.weight`, [outSize, inSize], weightType);
    const weight = this.#graph.cast(fed);
    let output =
      onLinear?.(this.#graph, { name, input: x, weight }) ?? this.#graph.matmul(x, weight, { transB: true });
    if (biases.has(`${name}.bias`)) output = this.#graph.add(output, this.#input(`${name}.bias`, [outSize]));
    return this.#kept(name, output);
  }

  /** x [T, D] → activation(x · W_gateᵀ) ∘ (x · W_upᵀ) [T, F]. */
  gated(activation: "silu" | "gelu", x: Value): Value {
    const { isGateFused = false, feedForwardSize: F } = this.#options.config;
    const [gate, up] = isGateFused
      ? this.#columns(this.linear("ffn_up", x), [F, F])
      : [this.linear("ffn_gate", x), this.linear("ffn_up", x)];
    return this.#graph.mul(this.#graph[activation](gate as Value), up as Value);
  }

  /** q, k and v side by side [T, (H + 2K)·d], taken apart. */
  fusedHeads(x: Value): [q: Value, k: Value, v: Value] {
    const { headCount: H, kvHeadCount: K, headSize: d } = this.#options.config;
    return this.#columns(x, [H * d, K * d, K * d]) as [Value, Value, Value];
  }

  /** a ∘ b, of one shape. */
  product(a: Value, b: Value): Value {
    return this.#graph.mul(a, b);
  }

  /** x [T, 3D] → three parts [T, D]. */
  thirds(x: Value): [Value, Value, Value] {
    const { hiddenSize: D } = this.#options.config;
    return this.#columns(x, [D, D, D]) as [Value, Value, Value];
  }

  /** x [T, Σ widths] cut into parts of these widths, from left to right. */
  #columns(x: Value, widths: readonly number[]): Value[] {
    let start = 0;
    return widths.map((width) => {
      start += width;
      return this.#graph.slice(x, 1, start - width, start);
    });
  }

  /** Rotates every head of x [T, heads·d], or its first dimensions, by its token's position. */
  rope(x: Value): Value {
    const { config, plan } = this.#options;
    const { headSize: d, rotarySize: turned = d } = config;
    const g = this.#graph;
    const T = plan.tokenCount;
    const tables = ["rope.cos", "rope.sin"].map((name) => this.#input(name, [T, turned / 2]));
    const [cos, sin] = tables as [Value, Value];
    const rotate = (part: Value) => g.rope(part, cos, sin, { interleaved: config.isRopeInterleaved });
    if (turned === d) return rotate(x);
    const width = x.shape[1] as number;
    const heads = g.reshape(x, [T, width / d, d]);
    const first = rotate(g.reshape(g.slice(heads, 2, 0, turned), [T, (width / d) * turned]));
    const whole = g.concat([g.reshape(first, [T, width / d, turned]), g.slice(heads, 2, turned, d)], 2);
    return g.reshape(whole, [T, width]);
  }

  /**
   * Short convolution over x [T, D] and the tokens above each: z_t = Σ_j w[:, j] ∘ x_(t − taps + 1 + j), with
   * `<name>.weight` [D, taps]; above the first token of a sequence there are zeros. In a tree of samples the token
   * above is the parent, not the row before.
   */
  convolution(name: string, taps: number, x: Value): Value {
    const g = this.#graph;
    const D = x.shape[1] as number;
    const weight = this.#input(`${name}.weight`, [D, taps]);
    let above = x;
    let sum: Value | undefined;
    for (let tap = taps - 1; tap >= 0; tap--) {
      const term = g.mul(above, g.reshape(g.slice(weight, 1, tap, tap + 1), [D]));
      sum = sum === undefined ? term : g.add(sum, term);
      if (tap > 0) above = this.#parents(above);
    }
    return sum as Value;
  }

  /** The row of every token's parent [T, D]; zeros above a root. */
  #parents(x: Value): Value {
    const { segments } = this.#options.plan;
    const g = this.#graph;
    const parts = segments.flatMap(({ start, end, parent }) => {
      const before = parent < 0 ? undefined : (segments[parent] as Segment).end - 1;
      const first =
        before === undefined ? g.zeros([1, x.shape[1] as number]) : g.slice(x, 0, before, before + 1);
      return end - start > 1 ? [first, g.slice(x, 0, start, end - 1)] : [first];
    });
    return g.concat(parts, 0);
  }

  /**
   * Softmax attention block by block: q [T, H·d], k and v [T, K·d] → [T, H·d].
   * The query heads of one kv head are stacked into the rows of one product, so that k and v are never copied.
   */
  attention(q: Value, k: Value, v: Value): Value {
    const { config, plan } = this.#options;
    const { headCount: H, kvHeadCount: K, headSize: d } = config;
    const g = this.#graph;
    const T = plan.tokenCount;
    const queries = g.transpose(g.reshape(q, [T, K, H / K, d]), [1, 2, 0, 3]); // [K, H/K, T, d]
    const byHead = (x: Value) => g.reshape(g.transpose(g.reshape(x, [T, K, d]), [1, 0, 2]), [K, 1, T, d]);
    const [keys, values] = [byHead(k), byHead(v)];
    const outputs = plan.blocks.map((block) => this.#attentionBlock(block, queries, keys, values));
    const heads = g.concat(outputs, 2); // [K, H/K, T, d]
    return g.reshape(g.transpose(heads, [2, 0, 1, 3]), [T, H * d]);
  }

  #attentionBlock(block: AttentionBlock, queries: Value, keys: Value, values: Value): Value {
    const { headCount: H, kvHeadCount: K, headSize: d, attentionScale: alpha } = this.#options.config;
    const g = this.#graph;
    const rows = block.end - block.start;
    const size = (H / K) * rows;
    const parts = queryParts(K, size);
    const stacked = g.reshape(g.slice(queries, 2, block.start, block.end), [K, parts, size / parts, d]);
    const pick = (all: Value) =>
      g.concat(
        block.keys.map(({ start, end }) => g.slice(all, 2, start, end)),
        2,
      );
    const visible = pick(keys); // [K, 1, n, d]
    const n = visible.shape[2] as number;
    // [K, parts, size/parts, n]
    let scores = g.matmul(stacked, visible, { transB: true, alpha });
    if (block.mask !== undefined) {
      const fed = this.#input(`mask.${block.mask}`, [rows, n]);
      const masked = g.add(g.reshape(scores, [K, H / K, rows, n]), fed);
      scores = g.reshape(masked, [K, parts, size / parts, n]);
    }
    const mixed = this.#kept(`attend_${block.start}`, g.attend(scores, pick(values))); // [K, parts, size/parts, d]
    return g.reshape(mixed, [K, H / K, rows, d]);
  }

  #kept(name: string, value: Value): Value {
    this.#options.onKeep?.(name, value);
    return value;
  }

  #input(name: string, shape: readonly number[], dtype: "float32" | "float16" = "float32"): Value {
    const known = this.inputs.get(name);
    if (known) return known;
    const made = this.#graph.input(name, shape, dtype);
    this.inputs.set(name, made);
    return made;
  }
}

/**
 * Into how many parts the queries of a kv head are cut. onnxruntime gives each product of a batch to one thread where there are
 * no fewer of them than threads: with three, the second of two threads is idle half of the time; with six it is not.
 */
function queryParts(kvHeadCount: number, size: number): number {
  return kvHeadCount > 1 && kvHeadCount % 2 === 1 && size % 2 === 0 ? 2 : 1;
}

/** [in, out] of a layer's matrix. */
export function linearShape(config: ModelConfig, name: LinearName): [inSize: number, outSize: number] {
  const { hiddenSize: D, headCount: H, kvHeadCount: K, headSize: d, feedForwardSize: F } = config;
  switch (name) {
    case "attn_qkv":
      return [D, (H + 2 * K) * d];
    case "attn_q":
      return [D, H * d];
    case "attn_k":
    case "attn_v":
      return [D, K * d];
    case "attn_output":
      return [H * d, D];
    case "ffn_gate":
      return [D, F];
    case "ffn_up":
      return [D, config.isGateFused ? 2 * F : F];
    case "ffn_down":
      return [F, D];
    case "shortconv.in_proj":
      return [D, 3 * D];
    case "shortconv.out_proj":
      return [D, D];
  }
}
