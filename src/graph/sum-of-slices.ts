/** @file The gradient of a value that was only read in slices along one axis. */
import type { GraphOps } from "./graph-ops.js";
import type { SliceGradient } from "./op-spec.js";
import type { Value } from "./value.js";

/**
 * Σ over the parts, each padded with zeros to `shape`, without padding any: the axis is cut wherever a part begins
 * or ends, the parts that cover a piece are added there, and the pieces are joined. With n slices the padded form
 * would move n times the whole value. Parts of the same range are added first: what is cut then is their sum.
 */
export function sumOfSlices(
  builder: GraphOps,
  shape: readonly number[],
  axis: number,
  parts: readonly SliceGradient[],
): Value {
  const size = shape[axis] as number;
  const ranges = sumsByRange(builder, parts);
  const cuts = [...new Set([0, size, ...ranges.flatMap(({ start, end }) => [start, end])])].sort(
    (a, b) => a - b,
  );
  const pieces: Value[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = cuts.slice(i, i + 2) as [number, number];
    const covering = ranges
      .filter(({ start, end }) => start <= from && to <= end)
      .map(({ start, value }) => builder.slice(value, axis, from - start, to - start));
    pieces.push(
      covering.length === 0
        ? builder.zeros(shape.with(axis, to - from))
        : covering.reduce((sum, piece) => builder.add(sum, piece)),
    );
  }
  return builder.concat(pieces, axis);
}

function sumsByRange(builder: GraphOps, parts: readonly SliceGradient[]): SliceGradient[] {
  const sums = new Map<string, SliceGradient>();
  for (const part of parts) {
    const key = `${part.start} ${part.end}`;
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? part : { ...sum, value: builder.add(sum.value, part.value) });
  }
  return [...sums.values()];
}
