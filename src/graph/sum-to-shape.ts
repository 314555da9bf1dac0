/** @file The derivative of broadcasting: sum over the axes that were stretched. */

import type { GraphOps } from "./graph-ops.js";
import { isSameShape, type Shape } from "./shape.js";
import type { Value } from "./value.js";

/** Sums `value` down to `shape`, which must broadcast to it. */
export function sumToShape(builder: GraphOps, value: Value, shape: Shape): Value {
  if (isSameShape(value.shape, shape)) return value;
  const shift = value.shape.length - shape.length;
  const axes: number[] = [];
  value.shape.forEach((dimension, axis) => {
    if (axis < shift || (shape[axis - shift] === 1 && dimension !== 1)) axes.push(axis);
  });
  return builder.reshape(builder.reduceSum(value, axes), shape);
}
