/** @file A graph as an ONNX model. Large data are inputs. */

import { encodeMessage, ONNX_TYPE } from "../formats/onnx/onnx-proto.js";
import { OnnxEmitter } from "./onnx-emitter.js";
import { specOf } from "./op-table.js";
import type { Graph, NodeOf, OpName, Value } from "./value.js";

/** The newest set whose ops the CPU kernels all have in versions we use; 18 brought axes as inputs everywhere. */
const OPSET = 18;
const MICROSOFT_OPSET = 1;
/** The format's version that goes with opset 18. */
const IR_VERSION = 8;

export function emitOnnx(graph: Graph): Uint8Array {
  const emitter = new OnnxEmitter(graph);
  const inputs: Uint8Array[] = [];
  for (const node of graph.nodes) {
    if (node.op === "input") inputs.push(valueInfo(node.attributes.name, node.output));
    else {
      emitter.begin(node);
      specOf(node.op as OpName).emit(emitter, node as NodeOf<OpName>);
    }
  }
  const outputs = [...graph.outputs].map(([name, value]) => {
    emitter.output(name, value);
    return valueInfo(name, value);
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

function valueInfo(name: string, { dtype, shape }: Value): Uint8Array {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return encodeMessage("ValueInfoProto", {
    name,
    type: { tensorType: { elemType: ONNX_TYPE[dtype], shape: { dim } } },
  });
}
