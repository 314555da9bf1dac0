/** @file Arithmetic of static shapes: sizes, NumPy broadcasting, axes. */
import { ShapeError } from "../core/errors.js";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

export function isSameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
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
