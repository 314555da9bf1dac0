/** @file The ONNX bytes: read back by a reader written here, weights outside, names kept apart. */
import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../src/graph/emit-onnx.js";
import { type Graph, GraphBuilder } from "../../../src/graph/graph-builder.js";

type Field = { readonly number: number; readonly value: number | Uint8Array };

/** The wire format of protobuf, independent of the library that wrote it. */
function fields(bytes: Uint8Array): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) {
      found.push({ number: key >>> 3, value: varint() });
    } else {
      const length = kind === 2 ? varint() : 4;
      found.push({ number: key >>> 3, value: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}

const messages = (bytes: Uint8Array, number: number): Uint8Array[] =>
  fields(bytes).flatMap((field) =>
    field.number === number && field.value instanceof Uint8Array ? [field.value] : [],
  );
const texts = (bytes: Uint8Array, number: number): string[] =>
  messages(bytes, number).map((value) => new TextDecoder().decode(value));

/** Numbers of onnx.proto: model.graph 7; graph.node 1, initializer 5, input 11, output 12. */
const graphOf = (model: Uint8Array): Uint8Array => messages(model, 7)[0] as Uint8Array;

function linear(size: number): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", [1, size]);
  g.output("y", g.matmul(x, g.input("w", [size, size]), { transB: true }));
  return g.build();
}

describe("ONNX model", () => {
  it("declares inputs, outputs, versions and nodes under their names", () => {
    const model = emitOnnx(linear(3));
    const graph = graphOf(model);
    expect(messages(graph, 11).map((input) => texts(input, 1)[0])).toEqual(["x", "w"]);
    expect(messages(graph, 12).map((output) => texts(output, 1)[0])).toEqual(["y"]);
    const [node] = messages(graph, 1) as [Uint8Array];
    expect(texts(node, 4)).toEqual(["Gemm"]);
    expect(texts(node, 1)).toEqual(["x", "w"]);
    expect(texts(node, 2)).toEqual(["y"]);
    expect(texts(node, 3)[0]).toMatch(/^%2 matmul /);
    expect(fields(model).find(({ number }) => number === 1)?.value).toBe(8);
    const versions = messages(model, 8).map((entry) => [
      texts(entry, 1)[0] ?? "",
      fields(entry).find(({ number }) => number === 2)?.value,
    ]);
    expect(versions).toEqual([
      ["", 18],
      ["com.microsoft", 1],
    ]);
  });

  it("shares the numbers that ops are told", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [4, 4]);
    g.output("a", g.slice(x, 0, 0, 2));
    g.output("b", g.slice(g.exp(x), 0, 0, 2));
    // starts, ends and axes of both: 0, 2, 0
    expect(messages(graphOf(emitOnnx(g.build())), 5)).toHaveLength(2);
  });

  it("writes the same bytes for the same graph", () => {
    expect(emitOnnx(linear(5))).toEqual(emitOnnx(linear(5)));
  });
});
