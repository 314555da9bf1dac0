/** @file Reverse-mode autodiff: a graph's derivatives as more nodes of the same graph. */
import { NotDifferentiableError, ShapeError } from "../core/errors.js";
import type { GraphOps } from "./graph-ops.js";
import type { Gradients, SliceGradient } from "./op-spec.js";
import { specOf } from "./op-table.js";
import { isSameShape } from "./shape.js";
import { sumOfSlices } from "./sum-of-slices.js";
import type { NodeOf, OpName, Value } from "./value.js";

/** A result whose gradient is known. */
export interface Seed {
  readonly value: Value;
  /** Gradient of the loss with respect to the value, of its shape. */
  readonly upstream: Value;
}

/** Gradients that have come back to a value so far. */
interface Contributions {
  readonly whole: Value[];
  readonly slices: SliceGradient[];
}

/**
 * Σ over the outputs of upstreamᵀ · d output / d wrt: one value per entry of `wrt`, of its shape; zeros where an
 * entry does not reach the outputs. Parts of the graph that do not lead to `wrt` cost nothing.
 * @throws {ShapeError} for an upstream of another shape than its value.
 * @throws {NotDifferentiableError} where a path to `wrt` passes an op without a gradient.
 */
export function gradients(builder: GraphOps, outputs: readonly Seed[], wrt: readonly Value[]): Value[] {
  for (const { dtype, node } of wrt)
    if (dtype !== "float32") throw new NotDifferentiableError(node.op, `${dtype} data`);
  const contributions = new Map<Value, Contributions>();
  const at = (value: Value): Contributions => {
    const known = contributions.get(value) ?? { whole: [], slices: [] };
    contributions.set(value, known);
    return known;
  };
  for (const { value, upstream } of outputs) {
    if (!isSameShape(value.shape, upstream.shape))
      throw new ShapeError(
        "gradients",
        [value.shape, upstream.shape],
        "an upstream must have the shape of its value",
      );
    at(value).whole.push(upstream);
  }

  const leading = valuesLeadingTo(new Set(wrt), outputs);
  const totals = new Map<Value, Value>();
  // Ids grow along the graph: by falling id, all users of a value come before it.
  for (const value of [...leading].sort((a, b) => b.id - a.id)) {
    const known = contributions.get(value);
    if (known === undefined) continue;
    const upstream = total(builder, value, known);
    totals.set(value, upstream);
    spread(builder, value, upstream, leading, at);
  }
  return wrt.map((value) => totals.get(value) ?? builder.zeros(value.shape));
}

/** Values below the outputs through which a gradient can reach `wrt`, those of `wrt` included. */
function valuesLeadingTo(wrt: ReadonlySet<Value>, outputs: readonly Seed[]): Set<Value> {
  const ancestors = new Set<Value>();
  // Without recursion: graphs are deeper than the call stack may be.
  const pending = outputs.map(({ value }) => value);
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (ancestors.has(value)) continue;
    ancestors.add(value);
    pending.push(...value.node.inputs);
  }
  const leading = new Set<Value>();
  for (const value of [...ancestors].sort((a, b) => a.id - b.id))
    if (wrt.has(value) || value.node.inputs.some((input) => leading.has(input))) leading.add(value);
  return leading;
}

function total(builder: GraphOps, value: Value, { whole, slices }: Contributions): Value {
  const parts = [...whole];
  for (const axis of new Set(slices.map((part) => part.axis))) {
    const along = slices.filter((part) => part.axis === axis);
    parts.push(sumOfSlices(builder, value.shape, axis, along));
  }
  return parts.reduce((sum, part) => builder.add(sum, part));
}

/** Hands a value's gradient on to its inputs. */
function spread(
  builder: GraphOps,
  value: Value,
  upstream: Value,
  leading: ReadonlySet<Value>,
  at: (value: Value) => Contributions,
): void {
  const { node } = value;
  const needs = node.inputs.map((input) => leading.has(input));
  if (!needs.includes(true)) return;
  vjpOf(builder, node as NodeOf<OpName>, upstream, needs).forEach((gradient, i) => {
    if (gradient === undefined) return;
    const { whole, slices } = at(node.inputs[i] as Value);
    if ("node" in gradient) whole.push(gradient);
    else slices.push(gradient);
  });
}

function vjpOf<K extends OpName>(
  builder: GraphOps,
  node: NodeOf<K>,
  upstream: Value,
  needs: readonly boolean[],
): Gradients {
  const { vjp } = specOf(node.op);
  if (vjp === null) throw new NotDifferentiableError(node.op, "its inputs");
  return vjp({ builder, node, output: node.output, upstream, needs });
}
