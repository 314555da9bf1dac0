/** @file An ONNX encoder with 8-bit weights, rewritten so that its products are computed in 8 bits too. */
import {
  decodeModel,
  decodeTensor,
  encodeMessage,
  nameOfValueInfo,
  ONNX_ATTRIBUTE_TYPE,
  ONNX_TYPE,
  type OnnxModel,
  type OnnxNodeProto,
  type OnnxTensor,
} from "./onnx-proto.js";

/** Byte that stands for 0 in a rounded activation. */
const ZERO_POINT = 128;
const LARGEST = 127;
/** Least divisor of a row, for rows of zeros. */
const SMALLEST_ROW = 1e-9;
const MICROSOFT = "com.microsoft";

/** The graph as it was, and what takes the place of its nodes. */
interface Rewriting {
  initializers: Map<string, OnnxTensor>;
  producers: Map<string, OnnxNodeProto>;
  users: Map<string, OnnxNodeProto[]>;
  added: Uint8Array[];
  instead: Map<OnnxNodeProto, OnnxNodeProto[]>;
  /** From an activation to its bytes and the scale of each of its rows: q, k and v share one. */
  rows: Map<string, { bytes: string; scale: string }>;
}

/**
 * `x · (w ⊙ scale)` with int8 `w` becomes a product of bytes: each row (token) of `x` is divided by its largest
 * magnitude / 127 and rounded, so that a text's vector depends on no other text of its batch. Weights stay what they
 * are. GELU written as five ops becomes one, and the guard against attention to nothing goes: every text has a token.
 *
 * On x64 processors without VNNI instructions onnxruntime's byte products may overflow: not to be used there.
 * @param bytes - an ONNX file whose weights are `Mul(Cast(int8 [in, out]), float32 scale [1, out])`
 * @returns the rewritten file and the number of products; with none of them, the file as it was
 * @throws {Error} when the bytes are no model
 */
export function integerProducts(bytes: Uint8Array): { model: Uint8Array; products: number } {
  const open = decodeModel(bytes);
  const work = survey(open);
  let products = 0;
  for (const node of open.graph.node) {
    if (node.opType === "MatMul" && rewriteProduct(node, work)) products++;
    if (node.opType === "Erf") rewriteGelu(node, work);
    if (node.opType === "Where") dropGuard(node, work);
  }
  if (products === 0) return { model: bytes, products };
  open.graph.node = open.graph.node.flatMap((node) => work.instead.get(node) ?? [node]);
  open.graph.initializer.push(...work.added);
  open.opsetImport.push(encodeMessage("OperatorSetIdProto", { domain: MICROSOFT, version: 1 }));
  dropUnused(open);
  return { model: encodeMessage("ModelProto", open), products };
}

function survey({ graph }: OnnxModel): Rewriting {
  const tensors = graph.initializer.map(decodeTensor);
  const users = new Map<string, OnnxNodeProto[]>();
  for (const node of graph.node)
    for (const name of node.input) users.set(name, [...(users.get(name) ?? []), node]);
  return {
    initializers: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    producers: new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const))),
    users,
    added: [
      scalar("w4s_one", ONNX_TYPE.float32, new Uint8Array(new Float32Array([1]).buffer)),
      scalar("w4s_127th", ONNX_TYPE.float32, new Uint8Array(new Float32Array([1 / LARGEST]).buffer)),
      scalar("w4s_smallest", ONNX_TYPE.float32, new Uint8Array(new Float32Array([SMALLEST_ROW]).buffer)),
      scalar("w4s_zero_point", ONNX_TYPE.uint8, new Uint8Array([ZERO_POINT])),
    ],
    instead: new Map(),
    rows: new Map(),
  };
}

function rewriteProduct(product: OnnxNodeProto, work: Rewriting): boolean {
  const [x = "", weight = ""] = product.input;
  const scaled = work.producers.get(weight);
  const cast = scaled?.opType === "Mul" ? work.producers.get(scaled.input[0] ?? "") : undefined;
  const bytes = work.initializers.get(cast?.opType === "Cast" ? (cast.input[0] ?? "") : "");
  const scale = work.initializers.get(scaled?.input[1] ?? "");
  const columns = bytes?.dims[1];
  if (bytes?.dataType !== ONNX_TYPE.int8 || scale?.dataType !== ONNX_TYPE.float32) return false;
  if (scale.rawData.length !== 4 * (columns ?? 0)) return false;
  const columnScale = `${scale.name}_w4s`;
  work.added.push(encodeMessage("TensorProto", { ...scale, name: columnScale, dims: [columns] }));
  const before: OnnxNodeProto[] = [];
  const row = work.rows.get(x) ?? quantizeRows(x, before);
  work.rows.set(x, row);
  const [output = ""] = product.output;
  const unscaled = `${output}_w4s`;
  work.instead.set(product, [
    ...before,
    node(
      "MatMulIntegerToFloat",
      [row.bytes, bytes.name, "w4s_one", columnScale, "w4s_zero_point"],
      unscaled,
      MICROSOFT,
    ),
    node("Mul", [unscaled, row.scale], output),
  ]);
  return true;
}

/** `[…, width]` float32 → bytes of that shape and scales `[…, 1]`; symmetric, halves to even. */
function quantizeRows(x: string, nodes: OnnxNodeProto[]): { bytes: string; scale: string } {
  const named = (part: string) => `${x}_w4s_${part}`;
  const [scale, bytes] = [named("scale"), named("byte")];
  nodes.push(
    node("Abs", [x], named("abs")),
    { ...node("ReduceMax", [named("abs")], named("max")), attribute: [lastAxis] },
    node("Max", [named("max"), "w4s_smallest"], named("bound")),
    node("Mul", [named("bound"), "w4s_127th"], scale),
    node("Div", [x, scale], named("div")),
    node("QuantizeLinear", [named("div"), "w4s_one", "w4s_zero_point"], bytes),
  );
  return { bytes, scale };
}

/** x · ½(1 + erf(x / √2)), as `Mul(x, Mul(Add(Erf(Div(x, √2)), 1), ½))`. */
function rewriteGelu(erf: OnnxNodeProto, work: Rewriting): void {
  const divided = work.producers.get(erf.input[0] ?? "");
  const [x = ""] = divided?.input ?? [];
  const next = (from: OnnxNodeProto | undefined, opType: string) => {
    const users = work.users.get(from?.output[0] ?? "") ?? [];
    return users.length === 1 && users[0]?.opType === opType ? users[0] : undefined;
  };
  const plusOne = next(erf, "Add");
  const halved = next(plusOne, "Mul");
  const last = next(halved, "Mul");
  const isGelu =
    divided?.opType === "Div" &&
    hasConstant(divided, Math.SQRT2, work) &&
    hasConstant(plusOne, 1, work) &&
    hasConstant(halved, 0.5, work) &&
    last?.input.includes(x);
  if (last && isGelu) work.instead.set(last, [node("Gelu", [x], last.output[0] ?? "", MICROSOFT)]);
}

/** One of the inputs is a float32 scalar of this value. */
function hasConstant(user: OnnxNodeProto | undefined, value: number, work: Rewriting): boolean {
  return (user?.input ?? []).some((name) => {
    const tensor = work.initializers.get(name);
    if (tensor?.dataType !== ONNX_TYPE.float32 || tensor.rawData.length !== 4) return false;
    const { buffer, byteOffset } = tensor.rawData;
    return new DataView(buffer, byteOffset, 4).getFloat32(0, true) === Math.fround(value);
  });
}

/** `Where(IsNaN(x), 0, x)` after a softmax → x. */
function dropGuard(where: OnnxNodeProto, work: Rewriting): void {
  const [condition = "", , x = ""] = where.input;
  const test = work.producers.get(condition);
  if (test?.opType !== "IsNaN" || test.input[0] !== x) return;
  work.instead.set(where, [node("Identity", [x], where.output[0] ?? "")]);
}

/** Nodes are stored before their users: one pass from the end finds all that nothing reads any more. */
function dropUnused({ graph }: OnnxModel): void {
  const used = new Set(graph.output.map(nameOfValueInfo));
  graph.node = graph.node
    .toReversed()
    .filter(({ input, output }) => {
      const isUsed = output.some((name) => used.has(name));
      if (isUsed) for (const name of input) used.add(name);
      return isUsed;
    })
    .toReversed();
  graph.initializer = graph.initializer.filter((tensor) => used.has(decodeTensor(tensor).name));
}

const node = (opType: string, input: string[], output: string, domain = ""): OnnxNodeProto => ({
  ...{ input, output: [output], name: `${output}_w4s_node`, opType, attribute: [], domain },
});

const scalar = (name: string, dataType: number, rawData: Uint8Array) =>
  encodeMessage("TensorProto", { dims: [], dataType, name, rawData });

const lastAxis = encodeMessage("AttributeProto", {
  name: "axes",
  ints: [-1],
  type: ONNX_ATTRIBUTE_TYPE.ints,
});
