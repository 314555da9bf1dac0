/** @file A graph as an ONNX model. Large data are inputs. */

import { encodeMessage, ONNX_TYPE } from "../formats/onnx/onnx-proto.js";
import { type Dialect, OnnxEmitter } from "./onnx-emitter.js";
import { specOf } from "./op-table.js";
import type { DType, Graph, NodeOf, OpName, Value } from "./value.js";

/** The newest set whose ops the CPU kernels all have in versions we use; 18 brought axes as inputs everywhere. */
const OPSET = 18;
const MICROSOFT_OPSET = 1;
/** The format's version that goes with opset 18. */
const IR_VERSION = 8;

export function emitOnnx(graph: Graph, dialect: Dialect = "cpu"): Uint8Array {
  const emitter = new OnnxEmitter(graph, dialect);
  const inputs: Uint8Array[] = [];
  for (const node of graph.nodes) {
    if (node.op === "input")
      inputs.push(valueInfo(node.attributes.name, node.output.shape, fedType(node.output.dtype, dialect)));
    else {
      emitter.begin(node);
      specOf(node.op as OpName).emit(emitter, node as NodeOf<OpName>);
    }
  }
  const outputs = [...graph.outputs].map(([name, value]) => {
    emitter.output(name, value);
    return valueInfo(name, value.shape, value.dtype);
  });
  return encodeMessage("ModelProto", {
    irVersion: IR_VERSION,
    producerName: "w4s",
    opsetImport: [
      encodeMessage("OperatorSetIdProto", { domain: "", version: OPSET }),
      encodeMessage("OperatorSetIdProto", { domain: "com.microsoft", version: MICROSOFT_OPSET }),
    ],
    graph: {
      name: "graph",
      node: emitter.nodes,
      initializer: emitter.initializers,
      input: inputs,
      output: outputs,
    },
  });
}

/** Type that an input of a model takes: in the WebGPU dialect halves are widened before they are fed. */
export function fedType(dtype: DType, dialect: Dialect): DType {
  return dialect === "webgpu" ? "float32" : dtype;
}

function valueInfo(name: string, shape: Value["shape"], dtype: DType): Uint8Array {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return encodeMessage("ValueInfoProto", {
    name,
    type: { tensorType: { elemType: ONNX_TYPE[dtype], shape: { dim } } },
  });
}
