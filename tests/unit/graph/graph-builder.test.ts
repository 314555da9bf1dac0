/** @file GraphBuilder: shape rules and their messages, what it leaves out, names and limits. */
import { describe, expect, it } from "vitest";
import { InternalError, ShapeError } from "../../../src/core/errors.js";
import { GraphBuilder, type Value } from "../../../src/graph/graph-builder.js";

function withInputs(...shapes: number[][]): [GraphBuilder, ...Value[]] {
  const builder = new GraphBuilder();
  return [builder, ...shapes.map((shape, i) => builder.input(`x${i}`, shape))];
}

function refusal(build: () => unknown): ShapeError {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(ShapeError);
    return error as ShapeError;
  }
  throw new Error("nothing was refused");
}

describe("shapes", () => {
  it.each<[string, (g: GraphBuilder, a: Value, b: Value) => Value, number[]]>([
    ["add", (g, a, b) => g.add(a, b), [2, 3, 4]],
    ["scalar", (g, a) => g.mul(2, a), [2, 3, 4]],
    ["matmul", (g, a, b) => g.matmul(a, b, { transB: true }), [2, 3, 1]],
    ["matmul of one matrix", (g, a) => g.matmul(a, g.constant(new Float64Array(20), [4, 5])), [2, 3, 5]],
    ["matmul transposed", (g, a) => g.matmul(a, a, { transA: true }), [2, 4, 4]],
    ["reshape", (g, a) => g.reshape(a, [-1, 2]), [12, 2]],
    ["reshape to scalar", (g, a) => g.reshape(g.reduceSum(a, [0, 1, 2]), []), []],
    ["transpose", (g, a) => g.transpose(a, [2, 0, 1]), [4, 2, 3]],
    ["slice", (g, a) => g.slice(a, -1, 1, 3), [2, 3, 2]],
    ["concat", (g, a) => g.concat([a, a, a], -2), [2, 9, 4]],
    ["expand", (g, _a, b) => g.expand(b, [5, 3, 4]), [5, 3, 4]],
    ["reduceSum", (g, a) => g.reduceSum(a, [0, -1]), [3]],
    ["reduceSum kept", (g, a) => g.reduceSum(a, [0, -1], { keepDims: true }), [1, 3, 1]],
    ["reduceMax", (g, a) => g.reduceMax(a, 1), [2, 4]],
    ["logSumExp", (g, a) => g.logSumExp(a), [2, 3]],
    ["zeros", (g) => g.zeros([7, 1]), [7, 1]],
  ])("%s", (_name, build, shape) => {
    const [g, a, b] = withInputs([2, 3, 4], [1, 1, 4]) as [GraphBuilder, Value, Value];
    expect(build(g, a, b).shape).toEqual(shape);
  });

  it.each<[string, RegExp, (g: GraphBuilder, a: Value, b: Value) => unknown]>([
    ["add", /^add: .*broadcast at axis 1.*\[2, 3\] and \[4, 3, 2\]/, (g, a, b) => g.add(a, b)],
    ["matmul", /^matmul: .*3 against 2.*transB.*\[2, 3\]/, (g, a, b) => g.matmul(a, b, { transB: true })],
    ["matmul", /^matmul: .*at least two axes/, (g, a) => g.matmul(a, g.constant([1, 2, 3]))],
    ["reshape", /^reshape: 6 elements do not make 8/, (g, a) => g.reshape(a, [2, 4])],
    ["reshape", /whole number.*1.5, 4/, (g, a) => g.reshape(a, [-1, 4])],
    ["transpose", /\(0, 0\) is no permutation/, (g, a) => g.transpose(a, [0, 0])],
    ["slice", /range 2…2 is empty/, (g, a) => g.slice(a, 1, 2, 2)],
    ["slice", /range 1…4 is empty or outside axis 1/, (g, a) => g.slice(a, 1, 1, 4)],
    ["slice", /axis 2 does not exist/, (g, a) => g.slice(a, 2, 0, 1)],
    ["concat", /^concat: .*all axes but 0/, (g, a, b) => g.concat([a, b], 0)],
    ["concat", /at least one value/, (g) => g.concat([], 0)],
    ["expand", /^expand: .*does not stretch/, (g, a) => g.expand(a, [2, 1])],
    ["expand", /^expand: .*does not broadcast|do not broadcast/, (g, a) => g.expand(a, [2, 4])],
    ["rmsNorm", /^rmsNorm: the weight must be as long/, (g, a) => g.rmsNorm(a, g.constant([1, 2]), 1e-6)],
    ["rmsNorm", /epsilon must not be -1/, (g, a) => g.rmsNorm(a, g.constant([1, 2, 3]), -1)],
    ["rope", /^rope: takes x \[T, H·d\]/, (g, a) => g.rope(a, a, a, { interleaved: true })],
    ["softmax", /at least one axis/, (g) => g.softmax(g.constant(1))],
    ["add", /takes float32, not float16/, (g, a) => g.add(a, g.input("half", [1], "float16"))],
    ["matmul", /float32, not float16/, (g, a) => g.matmul(a, g.input("half", [3, 3], "float16"))],
    ["input", /at least 1/, (g) => g.input("empty", [0])],
    ["constant", /3 numbers do not fill/, (g) => g.constant([1, 2, 3], [2])],
    ["constant", /at most 1048576 bytes/, (g) => g.constant(new Float32Array(262_145))],
    ["output", /"y" must be float32, not float16/, (g) => g.output("y", g.input("half", [1], "float16"))],
  ])("%s refuses: %s", (op, message, build) => {
    const [g, a, b] = withInputs([2, 3], [4, 3, 2]) as [GraphBuilder, Value, Value];
    const error = refusal(() => build(g, a, b));
    expect(error.op).toBe(op);
    expect(error.message).toMatch(message);
  });
});

describe("building", () => {
  it("makes no nodes for what changes nothing", () => {
    const [g, x] = withInputs([2, 3]) as [GraphBuilder, Value];
    const same = [
      g.add(x, 0),
      g.add(0, x),
      g.sub(x, 0),
      g.mul(x, 1),
      g.mul(1, x),
      g.div(x, 1),
      g.reshape(x, [2, 3]),
      g.transpose(x, [0, 1]),
      g.slice(x, 1, 0, 3),
      g.concat([x], 0),
      g.expand(x, [2, 3]),
      g.reduceSum(x, []),
      g.cast(x),
    ];
    expect(same.every((value) => value === x)).toBe(true);
    expect(g.mul(x, 0)).not.toBe(x);
    expect(g.sub(0, x)).not.toBe(x);
  });

  it("multiplies many rows by one matrix as a plain product", () => {
    const [g, x, w] = withInputs([4, 5, 3], [3, 2]) as [GraphBuilder, Value, Value];
    const y = g.matmul(x, w);
    expect(y.node.op).toBe("reshape");
    expect(y.node.inputs[0]?.shape).toEqual([20, 2]);
  });

  it("refuses taken names, values of other builders and graphs without outputs", () => {
    const [g, x] = withInputs([2]) as [GraphBuilder, Value];
    expect(() => g.build()).toThrow(/at least one output/);
    expect(() => g.input("x0", [1])).toThrow(InternalError);
    expect(() => g.output("x0", x)).toThrow(/output name "x0" is empty or taken/);
    g.output("y", x);
    expect(() => g.output("y", x)).toThrow(/taken/);
    const [, stranger] = withInputs([2]) as [GraphBuilder, Value];
    expect(() => g.add(x, stranger)).toThrow(/of another graph builder/);
    expect(() => g.output("z", stranger)).toThrow(/of another graph builder/);
  });

  it("copies what it is given", () => {
    const [g] = withInputs();
    const data = [1, 2];
    const shape = [2];
    const value = g.constant(data, shape);
    data[0] = 9;
    shape[0] = 5;
    expect(value.shape).toEqual([2]);
    expect(value.node.op === "constant" && [...value.node.attributes.data]).toEqual([1, 2]);
  });
});
