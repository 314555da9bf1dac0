/** @file Arithmetic of static shapes: sizes, strides, NumPy broadcasting, axes. */
import { ShapeError } from "../core/errors.js";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

export function isSameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** The shape both broadcast to, as NumPy does: aligned at the last axis, 1 stretches. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw new ShapeError(op, [a, b], `the shapes do not broadcast at axis ${axis} of the result`);
    result[axis] = Math.max(left, right);
  }
  return result;
}

/** Strides with which `shape` is read as if it had the shape `to`: 0 where it is stretched. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const own = stridesOf(shape);
  const shift = to.length - shape.length;
  return to.map((_, axis) => (axis < shift || shape[axis - shift] === 1 ? 0 : (own[axis - shift] as number)));
}

/** Strides in elements of the axes before the last two, as read when these broadcast to `batch`; 0 where stretched. */
export function batchStrides(shape: Shape, batch: Shape): number[] {
  const own = stridesOf(shape);
  const leading = shape.slice(0, -2);
  return broadcastStrides(leading, batch).map((stride, axis) =>
    stride === 0 ? 0 : (own[axis - batch.length + leading.length] as number),
  );
}

/** An axis counted from the front; negative ones count from the end. */
export function normalizeAxis(op: string, axis: number, shape: Shape): number {
  const result = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || result < 0 || result >= shape.length)
    throw new ShapeError(op, [shape], `axis ${axis} does not exist`);
  return result;
}

/** Refuses what is no shape: every dimension must be a whole number of at least 1. */
export function checkShape(op: string, shape: Shape): void {
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 1))
    throw new ShapeError(op, [shape], "every dimension must be a whole number of at least 1");
  if (!Number.isSafeInteger(sizeOf(shape))) throw new ShapeError(op, [shape], "too many elements");
}

/**
 * Calls `visit` for every element of `shape` in row-major order, with the offsets that the given strides lead to.
 * The readable workhorse of the reference kernels.
 */
export function forEachIndex(
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
