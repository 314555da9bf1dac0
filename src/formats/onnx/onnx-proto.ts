/** @file The part of ONNX's protobuf that we read and write, as a description: message, field, number. */
import protobuf from "protobufjs/light.js";

/** Numbers of TensorProto.DataType. */
export const ONNX_TYPE = { float32: 1, uint8: 2, int8: 3, int64: 7, float16: 10 } as const;

/** Numbers of AttributeProto.AttributeType. */
export const ONNX_ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated", type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    // Of a model only nodes are read and changed: all else is bytes, of ours and of somebody else's.
    ModelProto: {
      fields: {
        irVersion: one("int64", 1),
        producerName: one("string", 2),
        producerVersion: one("string", 3),
        domain: one("string", 4),
        modelVersion: one("int64", 5),
        docString: one("string", 6),
        graph: one("GraphProto", 7),
        opsetImport: many("bytes", 8),
        metadataProps: many("bytes", 14),
        functions: many("bytes", 25),
      },
    },
    GraphProto: {
      fields: {
        node: many("NodeProto", 1),
        name: one("string", 2),
        initializer: many("bytes", 5),
        docString: one("string", 10),
        input: many("bytes", 11),
        output: many("bytes", 12),
        valueInfo: many("bytes", 13),
      },
    },
    NodeProto: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        opType: one("string", 4),
        attribute: many("bytes", 5),
        domain: one("string", 7),
      },
    },
    OperatorSetIdProto: { fields: { domain: one("string", 1), version: one("int64", 2) } },
    AttributeProto: {
      fields: {
        name: one("string", 1),
        f: one("float", 2),
        i: one("int64", 3),
        ints: many("int64", 8),
        type: one("int32", 20),
      },
    },
    TensorProto: {
      fields: {
        dims: many("int64", 1),
        dataType: one("int32", 2),
        name: one("string", 8),
        rawData: one("bytes", 9),
      },
    },
    ValueInfoProto: { fields: { name: one("string", 1), type: one("TypeProto", 2) } },
    TypeProto: { fields: { tensorType: one("TensorTypeProto", 1) } },
    TensorTypeProto: { fields: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) } },
    TensorShapeProto: { fields: { dim: many("DimensionProto", 1) } },
    DimensionProto: { fields: { dimValue: one("int64", 1) } },
  },
});

/** Plain object in the description's field names → bytes of one message. */
export function encodeMessage(
  name: "ModelProto" | "OperatorSetIdProto" | "AttributeProto" | "TensorProto" | "ValueInfoProto",
  value: object,
): Uint8Array {
  const type = root.lookupType(name);
  return type.encode(type.create(value)).finish();
}

export interface OnnxTensor {
  dims: number[];
  dataType: number;
  name: string;
  /** Empty where the data are stored in another of the format's ways. */
  rawData: Uint8Array;
}

export function decodeTensor(bytes: Uint8Array): OnnxTensor {
  const type = root.lookupType("TensorProto");
  const plain = type.toObject(type.decode(bytes), { longs: Number, defaults: true, arrays: true });
  return plain as OnnxTensor;
}

/** The name of an input or output of a graph. */
export function nameOfValueInfo(bytes: Uint8Array): string {
  return String(root.lookupType("ValueInfoProto").decode(bytes).toJSON().name);
}

/** Node of a graph, its attributes as bytes. */
export interface OnnxNodeProto {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: Uint8Array[];
  domain: string;
}

/** A model whose nodes can be read and changed; the rest is carried along as it is. */
export interface OnnxModel {
  opsetImport: Uint8Array[];
  graph: { node: OnnxNodeProto[]; initializer: Uint8Array[]; output: Uint8Array[] };
}

/** @throws {Error} when the bytes are no model */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const model = root.lookupType("ModelProto");
  const plain = model.toObject(model.decode(bytes), { longs: Number, arrays: true });
  const { graph } = plain;
  if (!graph || graph.node.length === 0) throw new Error("it holds no ONNX graph");
  for (const node of graph.node) node.domain ??= "";
  return plain as OnnxModel;
}
