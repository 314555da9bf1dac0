/** @file A slow readable kernel of every op: what the reference backend computes with. */
import { InternalError } from "../../src/core/errors.js";
import { matrixOf } from "../../src/graph/ops-matmul.js";
import { reducedShape } from "../../src/graph/ops-reduce.js";
import { type Shape, sizeOf } from "../../src/graph/shape.js";
import type { OpAttributes, OpName } from "../../src/graph/value.js";

/** An array with its shape. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** Fills `output.data`; sums run in float64 and are rounded when stored. */
type Kernel<K extends OpName> = (
  inputs: readonly Tensor[],
  attributes: OpAttributes[K],
  output: Tensor,
) => void;

/** Row-major strides in elements. */
function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** Strides with which `shape` is read as if it had the shape `to`: 0 where it is stretched. */
function broadcastStrides(shape: Shape, to: Shape): number[] {
  const own = stridesOf(shape);
  const shift = to.length - shape.length;
  return to.map((_, axis) => (axis < shift || shape[axis - shift] === 1 ? 0 : (own[axis - shift] as number)));
}

/** Strides in elements of the axes before the last two, as read when these broadcast to `batch`; 0 where stretched. */
function batchStrides(shape: Shape, batch: Shape): number[] {
  const own = stridesOf(shape);
  const leading = shape.slice(0, -2);
  return broadcastStrides(leading, batch).map((stride, axis) =>
    stride === 0 ? 0 : (own[axis - batch.length + leading.length] as number),
  );
}

/**
 * Calls `visit` for every element of `shape` in row-major order, with the offsets that the given strides lead to.
 */
function forEachIndex(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (position: number, offsets: readonly number[]) => void,
): void {
  const index = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  const count = sizeOf(shape);
  for (let position = 0; position < count; position++) {
    visit(position, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const dimension = shape[axis] as number;
      const next = (index[axis] as number) + 1;
      const isCarry = next === dimension;
      index[axis] = isCarry ? 0 : next;
      for (let i = 0; i < strides.length; i++) {
        const stride = strides[i]?.[axis] as number;
        offsets[i] = (offsets[i] as number) + (isCarry ? -stride * (dimension - 1) : stride);
      }
      if (!isCarry) break;
    }
  }
}

function binary(compute: (a: number, b: number) => number) {
  return (inputs: readonly Tensor[], _attributes: object, output: Tensor): void => {
    const [a, b] = inputs as readonly [Tensor, Tensor];
    const strides = [broadcastStrides(a.shape, output.shape), broadcastStrides(b.shape, output.shape)];
    forEachIndex(output.shape, strides, (position, offsets) => {
      const left = a.data[offsets[0] as number] as number;
      output.data[position] = compute(left, b.data[offsets[1] as number] as number);
    });
  };
}

function unary(compute: (x: number) => number) {
  return ([x]: readonly Tensor[], _attributes: object, output: Tensor): void => {
    const data = (x as Tensor).data;
    for (let i = 0; i < data.length; i++) output.data[i] = compute(data[i] as number);
  };
}

/** √(2/π) and the cubic's factor, of the tanh form of GELU. */
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

/** 1 / (1 + e^−x), without overflow for large negative x. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

function gelu(x: number): number {
  // 0.5 (1 + tanh u) = sigmoid(2u), which keeps its digits where tanh u nears −1.
  return x * sigmoid(2 * GELU_SCALE * (x + GELU_CUBIC * x ** 3));
}

/** Elements before, along and after one axis: a slice is then a run of whole blocks. */
function blocks(shape: readonly number[], axis: number): { outer: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), inner: sizeOf(shape.slice(axis + 1)) };
}

function copyRange(from: Tensor, start: number, to: Tensor, at: number, length: number): void {
  for (let i = 0; i < length; i++) to.data[at + i] = from.data[start + i] as number;
}

/** Folds x over some axes in float64 and stores each result once. */
function fold(
  x: Tensor,
  axes: readonly number[],
  output: Tensor,
  start: number,
  combine: (sum: number, element: number) => number,
): void {
  const kept = stridesOf(reducedShape(x.shape, axes, true)).map((stride, axis) =>
    axes.includes(axis) ? 0 : stride,
  );
  const sums = new Float64Array(output.data.length).fill(start);
  forEachIndex(x.shape, [kept], (position, offsets) => {
    const at = offsets[0] as number;
    sums[at] = combine(sums[at] as number, x.data[position] as number);
  });
  for (let i = 0; i < sums.length; i++) output.data[i] = sums[i] as number;
}

/** Largest element and Σ e^(x − largest) of one row. */
function rowStatistics({ data }: Tensor, start: number, size: number): { largest: number; sum: number } {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < size; i++) largest = Math.max(largest, data[start + i] as number);
  let sum = 0;
  for (let i = 0; i < size; i++) sum += Math.exp((data[start + i] as number) - largest);
  return { largest, sum };
}

/** @throws {RangeError} naming the op and the index. */
function rowAt(op: string, indices: Tensor, position: number, rowCount: number): number {
  const row = indices.data[position] as number;
  if (row < 0 || row >= rowCount)
    throw new RangeError(`${op}: index ${row} at position ${position} lies outside 0…${rowCount - 1}`);
  return row;
}

/** A missing op does not compile. */
export const REFERENCE_KERNELS: { readonly [K in OpName]: Kernel<K> } = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  silu: unary((x) => x * sigmoid(x)),
  gelu: unary(gelu),

  matmul(inputs, { transA, transB, alpha }, output) {
    const [a, b] = inputs as readonly [Tensor, Tensor];
    const [rows, inner] = matrixOf(a.shape, transA);
    const columns = output.shape.at(-1) as number;
    const [rowStepA, innerStepA] = transA ? [1, rows] : [inner, 1];
    const [innerStepB, columnStepB] = transB ? [1, inner] : [columns, 1];
    const batch = output.shape.slice(0, -2);
    const strides = [a, b, output].map(({ shape }) => batchStrides(shape, batch));
    forEachIndex(batch, strides, (_position, offsets) => {
      const [startA, startB, start] = offsets as [number, number, number];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let k = 0; k < inner; k++)
            sum +=
              (a.data[startA + row * rowStepA + k * innerStepA] as number) *
              (b.data[startB + k * innerStepB + column * columnStepB] as number);
          output.data[start + row * columns + column] = alpha * sum;
        }
      }
    });
  },

  reshape([x], _attributes, output) {
    output.data.set((x as Tensor).data);
  },

  transpose([x], { perm }, output) {
    const own = stridesOf((x as Tensor).shape);
    const strides = perm.map((axis) => own[axis] as number);
    forEachIndex(output.shape, [strides], (position, offsets) => {
      output.data[position] = (x as Tensor).data[offsets[0] as number] as number;
    });
  },

  slice([x], { axis, start, end }, output) {
    const from = x as Tensor;
    const { outer, inner } = blocks(from.shape, axis);
    const size = from.shape[axis] as number;
    const length = (end - start) * inner;
    for (let i = 0; i < outer; i++) copyRange(from, (i * size + start) * inner, output, i * length, length);
  },

  concat(inputs, { axis }, output) {
    const { outer, inner } = blocks(output.shape, axis);
    const stride = (output.shape[axis] as number) * inner;
    let at = 0;
    for (const part of inputs) {
      const length = (part.shape[axis] as number) * inner;
      for (let i = 0; i < outer; i++) copyRange(part, i * length, output, i * stride + at, length);
      at += length;
    }
  },

  expand([x], _attributes, output) {
    const from = x as Tensor;
    forEachIndex(output.shape, [broadcastStrides(from.shape, output.shape)], (position, offsets) => {
      output.data[position] = from.data[offsets[0] as number] as number;
    });
  },

  reduceSum([x], { axes }, output) {
    fold(x as Tensor, axes, output, 0, (sum, element) => sum + element);
  },

  reduceMax([x], { axis }, output) {
    fold(x as Tensor, [axis], output, Number.NEGATIVE_INFINITY, Math.max);
  },

  softmax([x], _attributes, output) {
    const { data, shape } = x as Tensor;
    const size = shape.at(-1) as number;
    for (let start = 0; start < data.length; start += size) {
      const { largest, sum } = rowStatistics(x as Tensor, start, size);
      for (let i = start; i < start + size; i++)
        output.data[i] = Math.exp((data[i] as number) - largest) / sum;
    }
  },

  logSumExp([x], _attributes, output) {
    const { data, shape } = x as Tensor;
    const size = shape.at(-1) as number;
    for (let row = 0; row * size < data.length; row++) {
      const { largest, sum } = rowStatistics(x as Tensor, row * size, size);
      output.data[row] = largest + Math.log(sum);
    }
  },

  rmsNorm(inputs, { epsilon }, output) {
    const [x, weight] = inputs as readonly [Tensor, Tensor];
    const size = x.shape.at(-1) as number;
    for (let start = 0; start < x.data.length; start += size) {
      let squares = 0;
      for (let i = 0; i < size; i++) squares += (x.data[start + i] as number) ** 2;
      const scale = 1 / Math.sqrt(squares / size + epsilon);
      for (let i = 0; i < size; i++)
        output.data[start + i] = (x.data[start + i] as number) * scale * (weight.data[i] as number);
    }
  },

  rope(inputs, { interleaved }, output) {
    const [x, cos, sin] = inputs as readonly [Tensor, Tensor, Tensor];
    const [tokens, width] = x.shape as [number, number];
    const half = cos.shape[1] as number;
    for (let t = 0; t < tokens; t++) {
      for (let head = 0; head < width; head += 2 * half) {
        for (let i = 0; i < half; i++) {
          const first = t * width + head + (interleaved ? 2 * i : i);
          const second = first + (interleaved ? 1 : half);
          const a = x.data[first] as number;
          const b = x.data[second] as number;
          const c = cos.data[t * half + i] as number;
          const s = sin.data[t * half + i] as number;
          output.data[first] = a * c - b * s;
          output.data[second] = b * c + a * s;
        }
      }
    }
  },

  attend(inputs, _attributes, output) {
    const [p, , values] = inputs as readonly [Tensor, Tensor, Tensor];
    const [rows, keys] = p.shape.slice(-2) as [number, number];
    const width = values.shape.at(-1) as number;
    const leading = p.shape.slice(0, -2);
    const strides = [p, values, output].map(({ shape }) => batchStrides(shape, leading));
    forEachIndex(leading, strides, (_position, offsets) => {
      const [weights, read, written] = offsets as [number, number, number];
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < width; i++) {
          let sum = 0;
          for (let key = 0; key < keys; key++)
            sum +=
              (p.data[weights + row * keys + key] as number) *
              (values.data[read + key * width + i] as number);
          output.data[written + row * width + i] = sum;
        }
      }
    });
  },

  mergedLinear([x, merged], _attributes, output) {
    const product = { transA: false, transB: true, alpha: 1 };
    REFERENCE_KERNELS.matmul([x as Tensor, merged as Tensor], product, output);
  },

  gather(inputs, _attributes, output) {
    const [table, indices] = inputs as readonly [Tensor, Tensor];
    const [rowCount, width] = table.shape as [number, number];
    for (let n = 0; n < indices.data.length; n++) {
      const row = rowAt("gather", indices, n, rowCount);
      for (let i = 0; i < width; i++) output.data[n * width + i] = table.data[row * width + i] as number;
    }
  },

  scatterAdd(inputs, { rowCount }, output) {
    const [indices, updates] = inputs as readonly [Tensor, Tensor];
    const width = updates.shape[1] as number;
    const sums = new Float64Array(output.data.length);
    for (let n = 0; n < indices.data.length; n++) {
      const row = rowAt("scatterAdd", indices, n, rowCount);
      for (let i = 0; i < width; i++) {
        const at = row * width + i;
        sums[at] = (sums[at] as number) + (updates.data[n * width + i] as number);
      }
    }
    output.data.set(sums);
  },

  input: (_inputs, { name }) => {
    throw new InternalError(`input ${name} was not fed`);
  },

  constant: (_inputs, { data }, output) => {
    output.data.set(data);
  },

  cast([x], _attributes, output) {
    output.data.set((x as Tensor).data);
  },
};
