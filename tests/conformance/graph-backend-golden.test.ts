/** @file PyTorch's float64 values and gradients of softmax, norms, activations, RoPE, attention, LoRA and loss. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Backend } from "../../src/graph/backend.js";
import { gradients } from "../../src/graph/gradients.js";
import { GraphBuilder, type Value } from "../../src/graph/graph-builder.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { ReferenceBackend } from "../support/reference-backend.js";

/** Same formulas in float64; sums in another order, GELU through a sigmoid. */
const FLOAT64_BOUND = 1e-14;
/** onnxruntime: rounding of inputs and sums, polynomials for e^x and sigmoid (8e-7 was seen, for GELU). */
const FLOAT32_BOUND = 2e-6;

type Nested = number | readonly Nested[];

interface GoldenCase {
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly output: Nested;
  readonly upstream: Nested;
  readonly gradients: Readonly<Record<string, Nested>>;
  readonly targets?: readonly number[];
  readonly theta?: number;
}

type Build = (builder: GraphBuilder, values: Readonly<Record<string, Value>>, golden: GoldenCase) => Value;

function load(file: string): Record<string, GoldenCase> {
  return JSON.parse(readFileSync(new URL(`../golden/ops/${file}.json`, import.meta.url), "utf8"));
}

const flat = (nested: Nested): number[] => (typeof nested === "number" ? [nested] : nested.flatMap(flat));

function shapeOf(nested: Nested): number[] {
  return typeof nested === "number" ? [] : [nested.length, ...shapeOf(nested[0] as Nested)];
}

/** x [T, H, d]: angle of pair i at position p is p · theta^(−2i/d). */
function rope(interleaved: boolean): Build {
  return (builder, { x }, { theta = 0 }) => {
    const [tokens, heads, size] = (x as Value).shape as [number, number, number];
    const angles = Array.from(
      { length: (tokens * size) / 2 },
      (_, at) => Math.floor(at / (size / 2)) * theta ** ((-2 * (at % (size / 2))) / size),
    );
    const table = (of: (angle: number) => number) => builder.constant(angles.map(of), [tokens, size / 2]);
    const rows = builder.reshape(x as Value, [tokens, heads * size]);
    const rotated = builder.rope(rows, table(Math.cos), table(Math.sin), { interleaved });
    return builder.reshape(rotated, [tokens, heads, size]);
  };
}

/** q [T, H, d], k and v [T, K, d], H a multiple of K; key j is visible to query i when i − window < j ≤ i. */
function attention(window: number): Build {
  return (builder, { q, k, v }) => {
    const [tokens, heads, size] = (q as Value).shape as [number, number, number];
    const groups = (k as Value).shape[1] as number;
    const perHead = (value: Value, shape: number[]) =>
      builder.reshape(builder.transpose(value, [1, 0, 2]), shape);
    const query = perHead(q as Value, [groups, heads / groups, tokens, size]);
    const [key, content] = [k, v].map((value) => perHead(value as Value, [groups, 1, tokens, size])) as [
      Value,
      Value,
    ];
    const mask = Array.from({ length: tokens * tokens }, (_, at) => {
      const [i, j] = [Math.floor(at / tokens), at % tokens];
      return j <= i && j > i - window ? 0 : -1e30;
    });
    const scores = builder.matmul(query, key, { transB: true, alpha: 1 / Math.sqrt(size) });
    const weights = builder.softmax(builder.add(scores, builder.constant(mask, [tokens, tokens])));
    const mixed = builder.reshape(builder.matmul(weights, content), [heads, tokens, size]);
    return builder.transpose(mixed, [1, 0, 2]);
  };
}

const loraLinear: Build = (builder, { x, W, A, B }) => {
  const low = builder.matmul(x as Value, A as Value, { transB: true });
  const update = builder.matmul(low, B as Value, { transB: true, alpha: 2 });
  return builder.add(builder.matmul(x as Value, W as Value, { transB: true }), update);
};

const mergedLinear: Build = (builder, { x, W, A, B }) =>
  builder.mergedLinear(x as Value, W as Value, A as Value, B as Value, 2);

const crossEntropy: Build = (builder, { logits }, { targets = [] }) => {
  const [count, size] = (logits as Value).shape as [number, number];
  const chosen = targets.flatMap((target) => Array.from({ length: size }, (_, i) => Number(i === target)));
  const wanted = builder.mul(logits as Value, builder.constant(chosen, [count, size]));
  return builder.sub(builder.logSumExp(logits as Value), builder.reduceSum(wanted, [1]));
};

const softmax: Build = (builder, { x }) => builder.softmax(x as Value);
const rmsNorm =
  (epsilon: number): Build =>
  (builder, { x, weight }) =>
    builder.rmsNorm(x as Value, weight as Value, epsilon);

const CASES: readonly (readonly [file: string, name: string, build: Build])[] = [
  ["softmax", "softmax", softmax],
  ["softmax", "large", softmax],
  [
    "softmax",
    "logSoftmax",
    (builder, { x }) =>
      builder.sub(x as Value, builder.reshape(builder.logSumExp(x as Value), (x as Value).shape.with(-1, 1))),
  ],
  ["rmsnorm", "eps1e-06", rmsNorm(1e-6)],
  ["rmsnorm", "eps1e-05", rmsNorm(1e-5)],
  ["activations", "silu", (builder, { input }) => builder.silu(input as Value)],
  ["activations", "geluTanh", (builder, { x }) => builder.gelu(x as Value)],
  ["rope", "halfSplit-10000", rope(false)],
  ["rope", "halfSplit-100000", rope(false)],
  ["rope", "interleaved-10000", rope(true)],
  ["rope", "interleaved-100000", rope(true)],
  ["attention", "causal", attention(Number.POSITIVE_INFINITY)],
  ["attention", "window3", attention(3)],
  ["lora-linear", "", loraLinear],
  ["lora-linear", "", mergedLinear],
  ["cross-entropy", "", crossEntropy],
];

/**
 * The largest error of output and gradients, each relative to its tensor's largest number, but at least to 1: that is
 * the size of the upstreams, and a saturated softmax has gradients that are small differences of them.
 */
async function worstError(backend: Backend, golden: GoldenCase, build: Build): Promise<number> {
  const builder = new GraphBuilder();
  const values = Object.fromEntries(
    Object.entries(golden.inputs).map(([name, data]) => [name, builder.input(name, shapeOf(data))]),
  );
  const y = build(builder, values, golden);
  expect(y.shape).toEqual(shapeOf(golden.output));
  builder.output("y", y);
  const names = Object.keys(golden.gradients);
  const upstream = builder.input("upstream", y.shape);
  const wrt = names.map((name) => values[name] as Value);
  gradients(builder, [{ value: y, upstream }], wrt).forEach((gradient, i) => {
    builder.output(`d:${names[i]}`, gradient);
  });
  const program = await backend.compile(builder.build());
  const array = backend.name === "reference-float64" ? Float64Array : Float32Array;
  const feeds = Object.fromEntries(
    Object.entries({ ...golden.inputs, upstream: golden.upstream }).map(([name, data]) => [
      name,
      array.from(flat(data)),
    ]),
  );
  const results = await program.run(feeds);
  await program.dispose();
  const expected = [
    ["y", golden.output] as const,
    ...names.map((name) => [`d:${name}`, golden.gradients[name]] as const),
  ];
  let worst = 0;
  for (const [name, data] of expected) {
    const exact = flat(data as Nested);
    const actual = results[name] ?? [];
    expect(actual.length).toBe(exact.length);
    const largest = Math.max(1, ...exact.map(Math.abs));
    exact.forEach((number, i) => {
      worst = Math.max(worst, Math.abs(number - (actual[i] as number)) / largest);
    });
  }
  return worst;
}

describe.each([
  ["reference-float64", new ReferenceBackend(), FLOAT64_BOUND],
  ["ort", new OrtBackend({ threads: 2 }), FLOAT32_BOUND],
] as const)("golden values and gradients on %s", (_name, backend, bound) => {
  it.each(CASES)("%s %s", async (file, name, build) => {
    const cases = load(file);
    const golden = name === "" ? (cases as unknown as GoldenCase) : cases[name];
    expect(golden).toBeDefined();
    const worst = await worstError(backend, golden as GoldenCase, build);
    expect(worst).toBeLessThan(bound);
  });
});
