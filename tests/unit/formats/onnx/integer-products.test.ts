/** @file The rewritten encoder: what onnxruntime computes with it, against the definition in float64. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { Random } from "../../../../src/core/random.js";
import { integerProducts } from "../../../../src/formats/onnx/integer-products.js";
import {
  decodeModel,
  encodeMessage,
  ONNX_ATTRIBUTE_TYPE,
  ONNX_TYPE,
} from "../../../../src/formats/onnx/onnx-proto.js";

const [ROWS, IN, OUT] = [5, 24, 7];
const random = new Random(7);
const x = Float32Array.from({ length: ROWS * IN }, (_, i) => (i < IN ? 0 : random.next() * 6 - 3));
// Sums of two products stay below 2^15: exact on every processor.
const weights = Int8Array.from({ length: IN * OUT }, () => Math.round(random.next() * 120 - 60));
const scales = Float32Array.from({ length: OUT }, () => 0.001 + random.next() * 0.02);

const bytesOf = (array: Float32Array | Int8Array) => new Uint8Array(array.buffer);
const tensor = (name: string, dataType: number, values: Float32Array | Int8Array, dims: number[]) =>
  encodeMessage("TensorProto", { name, dims, dataType, rawData: bytesOf(values) });
const float = (name: string, values: Float32Array, dims: number[]) =>
  tensor(name, ONNX_TYPE.float32, values, dims);
const scalar = (name: string, value: number) => float(name, new Float32Array([value]), []);
const op = (opType: string, input: string[], output: string, attribute: Uint8Array[] = []) => ({
  ...{ opType, input, output: [output], name: output, attribute },
});
const toFloat = encodeMessage("AttributeProto", {
  ...{ name: "to", i: ONNX_TYPE.float32, type: ONNX_ATTRIBUTE_TYPE.int },
});
const value = (name: string, width: number) =>
  encodeMessage("ValueInfoProto", {
    name,
    type: {
      tensorType: { elemType: ONNX_TYPE.float32, shape: { dim: [{ dimValue: ROWS }, { dimValue: width }] } },
    },
  });

/** gelu(x · (w ⊙ scale)) behind a guard against NaN, as exporters write it. */
const published = (half = 0.5) =>
  encodeMessage("ModelProto", {
    ...{ irVersion: 8, producerName: "test" },
    opsetImport: [encodeMessage("OperatorSetIdProto", { domain: "", version: 17 })],
    graph: {
      name: "encoder",
      input: [value("x", IN)],
      output: [value("y", OUT)],
      initializer: [
        tensor("w", ONNX_TYPE.int8, weights, [IN, OUT]),
        float("scale", scales, [1, OUT]),
        ...[scalar("root", Math.SQRT2), scalar("one", 1), scalar("half", half), scalar("zero", 0)],
      ],
      node: [
        op("Cast", ["w"], "wide", [toFloat]),
        op("Mul", ["wide", "scale"], "weight"),
        op("MatMul", ["x", "weight"], "product"),
        op("IsNaN", ["product"], "isNaN"),
        op("Where", ["isNaN", "zero", "product"], "safe"),
        op("Div", ["safe", "root"], "divided"),
        op("Erf", ["divided"], "erf"),
        op("Add", ["erf", "one"], "plusOne"),
        op("Mul", ["plusOne", "half"], "halved"),
        op("Mul", ["safe", "halved"], "y"),
      ],
    },
  });

async function run(model: Uint8Array): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const { y } = await session.run({ x: new Tensor("float32", x, [ROWS, IN]) });
  await session.release();
  return y?.data as Float32Array;
}

const opsOf = (model: Uint8Array) => decodeModel(model).graph.node.map(({ opType }) => opType);

describe("integer products", () => {
  test("are those of bytes: each row by its own scale", async () => {
    const { model, products } = integerProducts(published());
    expect(products).toBe(1);
    const [exact, rounded] = [await run(published()), await run(model)];
    for (let row = 0; row < ROWS; row++) {
      const own = [...x.subarray(row * IN, (row + 1) * IN)];
      const scale = Math.max(1e-9, ...own.map(Math.abs)) / 127;
      for (let column = 0; column < OUT; column++) {
        let sum = 0;
        // Each activation is off by half a step at most.
        let bound = 0;
        for (const [k, number] of own.entries()) {
          const weight = (weights[k * OUT + column] as number) * (scales[column] as number);
          sum += Math.round(number / scale) * scale * weight;
          bound += (scale / 2) * Math.abs(weight);
        }
        const at = row * OUT + column;
        // The slope of GELU is below 1.13.
        expect(Math.abs((rounded[at] as number) - (exact[at] as number))).toBeLessThanOrEqual(
          1.13 * bound + 1e-5,
        );
        // Float32, and the halves that Math.round sends upwards: none among these numbers.
        expect(rounded[at]).toBeCloseTo(gelu(sum), 4);
      }
    }
  });

  test("leave nothing behind that is not used", () => {
    const ops = opsOf(integerProducts(published()).model);
    expect(ops).toEqual(
      "Abs ReduceMax Max Mul Div QuantizeLinear MatMulIntegerToFloat Mul Identity Gelu".split(" "),
    );
    const names = decodeModel(integerProducts(published()).model).graph.initializer.length;
    // Bytes, scales of columns, and four constants.
    expect(names).toBe(6);
  });

  test("five ops with another constant are no GELU", () => {
    expect(opsOf(integerProducts(published(0.6)).model)).toContain("Erf");
  });

  test("a file without such weights stays as it was, and other bytes are refused", () => {
    const plain = published().slice();
    const { model } = integerProducts(plain);
    expect(integerProducts(model)).toEqual({ model, products: 0 });
    expect(() => integerProducts(new TextEncoder().encode("not a model"))).toThrow();
    expect(() => integerProducts(new Uint8Array())).toThrow("no ONNX graph");
  });
});

/** Abramowitz and Stegun 7.1.26: erf to 1.5e-7. */
function gelu(z: number): number {
  const u = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * u);
  const series =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = Math.sign(z) * (1 - series * Math.exp(-u * u));
  return 0.5 * z * (1 + erf);
}
