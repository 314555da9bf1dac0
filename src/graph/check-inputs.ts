/** @file What ops refuse of their inputs: other types than float32, and shapes that do not fit. */
import { ShapeError } from "../core/errors.js";
import type { Value } from "./value.js";

/** @throws {ShapeError} for an input of another type */
export function requireFloat32(op: string, inputs: readonly Value[]): void {
  const wrong = inputs.find(({ dtype }) => dtype !== "float32");
  if (wrong === undefined) return;
  throw new ShapeError(op, [wrong.shape], `takes float32, not ${wrong.dtype}`, {
    hint: "cast the value first",
  });
}

/** @throws {ShapeError} unless it fits, with the shapes of the inputs and what the op takes */
export function requireFit(
  op: string,
  inputs: readonly Pick<Value, "shape">[],
  fits: boolean,
  takes: string,
): void {
  if (!fits)
    throw new ShapeError(
      op,
      inputs.map(({ shape }) => shape),
      takes,
    );
}
