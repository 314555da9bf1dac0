/** @file Generated cases for every op of the table, for gradient checks and for comparing backends. */
import fc from "fast-check";
import { Random } from "../../src/core/random.js";
import type { DType, OpName, Value } from "../../src/graph/graph-builder.js";
import type { GraphOps, Operand } from "../../src/graph/graph-ops.js";

/** Float inputs hold numbers as float32 stores them, so that every backend is fed the same. */
export interface CaseInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly number[];
  /** False for inputs without a gradient by nature: indices, angles, halves. */
  readonly hasGradient: boolean;
}

export interface OpCase {
  readonly inputs: readonly CaseInput[];
  /** Builds the op under test from the inputs, in their order. */
  build(builder: GraphOps, values: readonly Value[]): Value;
}

type Sizes = "small" | "large";

interface Range {
  readonly low: number;
  readonly high: number;
}

const UNIT: Range = { low: -2, high: 2 };
const POSITIVE: Range = { low: 0.3, high: 3 };
/** Wide enough for both tails of sigmoid, tanh and GELU. */
const WIDE: Range = { low: -12, high: 12 };

function input(
  name: string,
  shape: readonly number[],
  random: Random,
  { low, high }: Range = UNIT,
): CaseInput {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: count }, () => Math.fround(low + (high - low) * random.next()));
  return { name, shape, dtype: "float32", data, hasGradient: true };
}

/** Every generator gets a size for one dimension and a stream for the numbers. */
const dimension = (sizes: Sizes) =>
  sizes === "small" ? fc.integer({ min: 1, max: 4 }) : fc.integer({ min: 1, max: 70 });
const seeds = fc.integer({ min: 0, max: 0x7fffffff });

function shapes(sizes: Sizes, minLength: number, maxLength: number): fc.Arbitrary<number[]> {
  const [longest, widest] = sizes === "small" ? [maxLength, 3] : [maxLength, 17];
  return fc.array(fc.integer({ min: 1, max: widest }), { minLength, maxLength: longest });
}

/** Two shapes that broadcast: some axes of either are 1, and either may lack leading axes. */
function broadcastable(sizes: Sizes): fc.Arbitrary<[number[], number[]]> {
  return fc
    .record({
      shape: shapes(sizes, 0, 3),
      ones: fc.array(fc.constantFrom("a", "b", "none"), { minLength: 3, maxLength: 3 }),
      dropped: fc.record({ side: fc.constantFrom("a", "b"), count: fc.integer({ min: 0, max: 3 }) }),
    })
    .map(({ shape, ones, dropped }) => {
      const stretched = (side: string) => shape.map((size, axis) => (ones[axis] === side ? 1 : size));
      const of = (side: string) =>
        dropped.side === side
          ? stretched(side).slice(Math.min(dropped.count, shape.length))
          : stretched(side);
      return [of("a"), of("b")];
    });
}

type CaseOf = (sizes: Sizes) => fc.Arbitrary<OpCase>;

function binary(op: "add" | "sub" | "mul" | "div"): CaseOf {
  return (sizes) =>
    fc
      .record({ pair: broadcastable(sizes), seed: seeds, scalar: fc.constantFrom("a", "b", "none", "none") })
      .map(({ pair, seed, scalar }) => {
        const random = new Random(seed);
        const a = input("a", pair[0], random);
        const b = input("b", pair[1], random, op === "div" ? POSITIVE : UNIT);
        // A number on one side stands for the scalars that graphs are full of.
        const inputs = scalar === "a" ? [b] : scalar === "b" ? [a] : [a, b];
        return {
          inputs,
          build(builder, values) {
            const [left, right]: [Operand, Operand] =
              scalar === "a"
                ? [0.75, values[0] as Value]
                : scalar === "b"
                  ? [values[0] as Value, 0.75]
                  : [values[0] as Value, values[1] as Value];
            return builder[op](left, right);
          },
        };
      });
}

type UnaryName = "neg" | "exp" | "sqrt" | "tanh" | "sigmoid" | "silu" | "gelu";

function unary(op: UnaryName, range: Range): CaseOf {
  return (sizes) =>
    fc.record({ shape: shapes(sizes, 0, 3), seed: seeds }).map(({ shape, seed }) => ({
      inputs: [input("x", shape, new Random(seed), range)],
      build: (builder, [x]) => builder[op](x as Value),
    }));
}

const matmul: CaseOf = (sizes) =>
  fc
    .record({
      batch: broadcastable("small"),
      size: fc.tuple(dimension(sizes), dimension(sizes), dimension(sizes)),
      transA: fc.boolean(),
      transB: fc.boolean(),
      alpha: fc.constantFrom(1, 0.125, -1.5),
      seed: seeds,
    })
    .map(({ batch, size: [m, k, n], transA, transB, alpha, seed }) => {
      const random = new Random(seed);
      return {
        inputs: [
          input("a", [...batch[0], ...(transA ? [k, m] : [m, k])], random),
          input("b", [...batch[1], ...(transB ? [n, k] : [k, n])], random),
        ],
        build: (builder, [a, b]) => builder.matmul(a as Value, b as Value, { transA, transB, alpha }),
      };
    });

const reshape: CaseOf = (sizes) =>
  fc
    .record({ shape: shapes(sizes, 0, 4), cut: fc.integer({ min: 0, max: 4 }), seed: seeds })
    .map(({ shape, cut, seed }) => ({
      inputs: [input("x", shape, new Random(seed))],
      build: (builder, [x]) => builder.reshape(x as Value, [...shape.slice(cut), -1, 1]),
    }));

const transpose: CaseOf = (sizes) =>
  shapes(sizes, 1, 4).chain((shape) =>
    fc
      .record({
        perm: fc.shuffledSubarray(
          shape.map((_, axis) => axis),
          { minLength: shape.length },
        ),
        seed: seeds,
      })
      .map(({ perm, seed }) => ({
        inputs: [input("x", shape, new Random(seed))],
        build: (builder, [x]) => builder.transpose(x as Value, perm),
      })),
  );

/** Two slices of one value that may overlap, so that gradients have to add up. */
const slice: CaseOf = (sizes) =>
  fc
    .record({
      shape: shapes(sizes, 1, 3),
      axis: fc.integer({ min: 0, max: 2 }),
      cuts: fc.tuple(
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
      ),
      length: fc.double({ min: 0, max: 0.99, noNaN: true }),
      seed: seeds,
    })
    .map(({ shape, axis: wanted, cuts, length, seed }) => {
      const axis = wanted % shape.length;
      const size = shape[axis] as number;
      const width = 1 + Math.floor(length * size);
      const [first, second] = cuts.map((cut) => Math.floor(cut * (size - width + 1))) as [number, number];
      return {
        inputs: [input("x", shape, new Random(seed))],
        build(builder, [x]) {
          const a = builder.slice(x as Value, axis, first, first + width);
          const b = builder.slice(x as Value, axis - shape.length, second, second + width);
          return builder.add(a, builder.mul(b, 0.5));
        },
      };
    });

const concat: CaseOf = (sizes) =>
  fc
    .record({
      shape: shapes(sizes, 1, 3),
      axis: fc.integer({ min: 0, max: 2 }),
      lengths: fc.array(dimension("small"), { minLength: 1, maxLength: 4 }),
      seed: seeds,
    })
    .map(({ shape, axis: wanted, lengths, seed }) => {
      const axis = wanted % shape.length;
      const random = new Random(seed);
      return {
        inputs: lengths.map((length, i) => input(`x${i}`, shape.with(axis, length), random)),
        // The first part comes twice.
        build: (builder, values) => builder.concat([...values, values[0] as Value], axis),
      };
    });

const expand: CaseOf = (sizes) =>
  fc.record({ pair: broadcastable(sizes), seed: seeds }).map(({ pair: [a, b], seed }) => {
    const rank = Math.max(a.length, b.length);
    const at = (shape: number[], axis: number) => shape[axis - rank + shape.length] ?? 1;
    const full = Array.from({ length: rank }, (_, axis) => Math.max(at(a, axis), at(b, axis)));
    return {
      inputs: [input("x", a, new Random(seed))],
      build: (builder, [x]) => builder.expand(x as Value, full),
    };
  });

const reduceSum: CaseOf = (sizes) =>
  shapes(sizes, 1, 4).chain((shape) =>
    fc
      .record({ axes: fc.subarray(shape.map((_, axis) => axis)), keepDims: fc.boolean(), seed: seeds })
      .map(({ axes, keepDims, seed }) => ({
        inputs: [input("x", shape, new Random(seed))],
        build: (builder, [x]) => builder.reduceSum(x as Value, axes, { keepDims }),
      })),
  );

const reduceMax: CaseOf = (sizes) =>
  fc
    .record({
      shape: shapes(sizes, 1, 3),
      axis: fc.integer({ min: 0, max: 2 }),
      keepDims: fc.boolean(),
      seed: seeds,
    })
    .map(({ shape, axis, keepDims, seed }) => ({
      inputs: [input("x", shape, new Random(seed))],
      build: (builder, [x]) => builder.reduceMax(x as Value, axis % shape.length, { keepDims }),
    }));

/** Rows of ordinary numbers, of large ones (±100), and with a masked element (−10³⁰). */
const rows = (sizes: Sizes) =>
  fc
    .record({
      leading: shapes("small", 0, 2),
      size: dimension(sizes),
      kind: fc.constantFrom("plain", "large", "masked"),
      keepDims: fc.boolean(),
      seed: seeds,
    })
    .map(({ leading, size, kind, keepDims, seed }) => {
      const range = kind === "large" ? { low: -100, high: 100 } : UNIT;
      const x = input("x", [...leading, size], new Random(seed), range);
      const isMasked = kind === "masked" && size > 1;
      const data = isMasked ? x.data.map((element, i) => (i % size === 1 ? -1e30 : element)) : x.data;
      return { x: { ...x, data }, keepDims };
    });

const softmax: CaseOf = (sizes) =>
  rows(sizes).map(({ x }) => ({ inputs: [x], build: (builder, [value]) => builder.softmax(value as Value) }));

const attend: CaseOf = (sizes) =>
  fc
    .record({
      batch: fc.oneof(
        dimension("small").map((groups) => [[groups], [groups]]),
        // Parts of the queries of one group, which share its values.
        fc.tuple(dimension("small"), dimension("small")).map(([groups, parts]) => [
          [groups, parts],
          [groups, 1],
        ]),
      ),
      rows: dimension("small"),
      keys: dimension(sizes),
      width: dimension(sizes),
      seed: seeds,
    })
    .map(({ batch: [ofScores = [], ofValues = []], rows: height, keys, width, seed }) => {
      const random = new Random(seed);
      return {
        inputs: [
          input("scores", [...ofScores, height, keys], random),
          input("values", [...ofValues, keys, width], random),
        ],
        build: (builder, [scores, values]) => builder.attend(scores as Value, values as Value),
      };
    });

const mergedLinear: CaseOf = (sizes) =>
  fc
    .record({
      tokens: dimension(sizes),
      inSize: dimension(sizes),
      outSize: dimension(sizes),
      rank: dimension("small"),
      scale: fc.constantFrom(1, 0.125, -1.5),
      seed: seeds,
    })
    .map(({ tokens, inSize, outSize, rank, scale, seed }) => {
      const random = new Random(seed);
      return {
        inputs: [
          input("x", [tokens, inSize], random),
          input("weight", [outSize, inSize], random),
          input("a", [rank, inSize], random),
          input("b", [outSize, rank], random),
        ],
        build: (builder, [x, weight, a, b]) =>
          builder.mergedLinear(x as Value, weight as Value, a as Value, b as Value, scale),
      };
    });

const logSumExp: CaseOf = (sizes) =>
  rows(sizes).map(({ x }) => ({
    inputs: [x],
    build: (builder, [value]) => builder.logSumExp(value as Value),
  }));

const rmsNorm: CaseOf = (sizes) =>
  fc
    .record({
      leading: shapes("small", 0, 2),
      size: dimension(sizes),
      // Near 0 the curvature grows like 1/ε: finite differences need a larger one than models have.
      epsilon: sizes === "small" ? fc.constantFrom(0.01, 0.5) : fc.constantFrom(1e-6, 1e-5),
      scale: fc.constantFrom(1, 30, 0.01),
      seed: seeds,
    })
    .map(({ leading, size, epsilon, scale, seed }) => {
      const random = new Random(seed);
      return {
        inputs: [
          input("x", [...leading, size], random, { low: -scale, high: scale }),
          input("weight", [size], random),
        ],
        build: (builder, [x, weight]) => builder.rmsNorm(x as Value, weight as Value, epsilon),
      };
    });

const rope: CaseOf = (sizes) =>
  fc
    .record({
      tokens: dimension("small"),
      heads: dimension("small"),
      half: sizes === "small" ? fc.integer({ min: 1, max: 3 }) : fc.integer({ min: 1, max: 40 }),
      interleaved: fc.boolean(),
      seed: seeds,
    })
    .map(({ tokens, heads, half, interleaved, seed }) => {
      const random = new Random(seed);
      const angles = Array.from({ length: tokens * half }, () => random.next() * 2 * Math.PI);
      const table = (name: string, of: (angle: number) => number): CaseInput => ({
        ...input(name, [tokens, half], random),
        data: angles.map((angle) => Math.fround(of(angle))),
        hasGradient: false,
      });
      return {
        inputs: [
          input("x", [tokens, heads * 2 * half], random),
          table("cos", Math.cos),
          table("sin", Math.sin),
        ],
        build: (builder, [x, cos, sin]) =>
          builder.rope(x as Value, cos as Value, sin as Value, { interleaved }),
      };
    });

/** Halves of both signs, subnormal ones and the largest finite one. */
const cast: CaseOf = (sizes) =>
  fc.record({ shape: shapes(sizes, 0, 2), seed: seeds }).map(({ shape, seed }) => {
    const random = new Random(seed);
    const half = () => random.integer(0, 1) * 0x8000 + random.integer(0, 0x7bff);
    const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, half);
    return {
      inputs: [{ name: "x", shape, dtype: "float16", data, hasGradient: false }],
      build: (builder, [x]) => builder.cast(x as Value),
    };
  });

/** An input that is an output as it is. */
const inputCase: CaseOf = (sizes) =>
  fc.record({ shape: shapes(sizes, 0, 3), seed: seeds }).map(({ shape, seed }) => ({
    inputs: [input("x", shape, new Random(seed))],
    build: (_builder, [x]) => x as Value,
  }));

const constant: CaseOf = (sizes) =>
  fc.record({ shape: shapes(sizes, 0, 3), seed: seeds }).map(({ shape, seed }) => {
    const { data } = input("c", shape, new Random(seed));
    return { inputs: [], build: (builder) => builder.constant(data, shape) };
  });

/** An op without cases does not compile. */
export const OP_CASES: Readonly<Record<OpName, CaseOf>> = {
  input: inputCase,
  constant,
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  neg: unary("neg", UNIT),
  exp: unary("exp", UNIT),
  sqrt: unary("sqrt", POSITIVE),
  tanh: unary("tanh", WIDE),
  sigmoid: unary("sigmoid", WIDE),
  silu: unary("silu", WIDE),
  gelu: unary("gelu", WIDE),
  matmul,
  reshape,
  transpose,
  slice,
  concat,
  expand,
  reduceSum,
  reduceMax,
  softmax,
  logSumExp,
  rmsNorm,
  rope,
  attend,
  mergedLinear,
  cast,
};

/** The array a backend is fed with, in the precision it takes. */
export function feedOf({ dtype, data }: CaseInput, precision: "float32" | "float64") {
  if (dtype === "float16") return Uint16Array.from(data);
  return precision === "float64" ? Float64Array.from(data) : Float32Array.from(data);
}
