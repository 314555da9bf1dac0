/** @file The part of ONNX's protobuf that we read and write, as a description: message, field, number. */
import protobuf from "protobufjs/light.js";

/** Numbers of TensorProto.DataType. */
export const ONNX_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;

/** Numbers of AttributeProto.AttributeType. */
export const ONNX_ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** TensorProto.DataLocation: the data lie outside the file. */
export const ONNX_EXTERNAL = 1;

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated", type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: one("int64", 1),
        producerName: one("string", 2),
        graph: one("GraphProto", 7),
        opsetImport: many("OperatorSetIdProto", 8),
      },
    },
    OperatorSetIdProto: { fields: { domain: one("string", 1), version: one("int64", 2) } },
    GraphProto: {
      fields: {
        node: many("NodeProto", 1),
        name: one("string", 2),
        initializer: many("TensorProto", 5),
        input: many("ValueInfoProto", 11),
        output: many("ValueInfoProto", 12),
      },
    },
    NodeProto: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        opType: one("string", 4),
        attribute: many("AttributeProto", 5),
        domain: one("string", 7),
      },
    },
    AttributeProto: {
      fields: {
        name: one("string", 1),
        f: one("float", 2),
        i: one("int64", 3),
        s: one("bytes", 4),
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
        externalData: many("StringStringEntryProto", 13),
        dataLocation: one("int32", 14),
      },
    },
    StringStringEntryProto: { fields: { key: one("string", 1), value: one("string", 2) } },
    ValueInfoProto: { fields: { name: one("string", 1), type: one("TypeProto", 2) } },
    TypeProto: { fields: { tensorType: one("TensorTypeProto", 1) } },
    TensorTypeProto: { fields: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) } },
    TensorShapeProto: { fields: { dim: many("DimensionProto", 1) } },
    DimensionProto: { fields: { dimValue: one("int64", 1) } },
    // A model of somebody else's, of which only nodes are changed: all else stays as its bytes.
    OpenModel: {
      fields: {
        irVersion: one("int64", 1),
        producerName: one("string", 2),
        producerVersion: one("string", 3),
        domain: one("string", 4),
        modelVersion: one("int64", 5),
        docString: one("string", 6),
        graph: one("OpenGraph", 7),
        opsetImport: many("bytes", 8),
        metadataProps: many("bytes", 14),
        functions: many("bytes", 25),
      },
    },
    OpenGraph: {
      fields: {
        node: many("OpenNode", 1),
        name: one("string", 2),
        initializer: many("bytes", 5),
        docString: one("string", 10),
        input: many("bytes", 11),
        output: many("bytes", 12),
        valueInfo: many("bytes", 13),
      },
    },
    OpenNode: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        opType: one("string", 4),
        attribute: many("bytes", 5),
        domain: one("string", 7),
      },
    },
  },
});

const model = root.lookupType("ModelProto");
const openModel = root.lookupType("OpenModel");

/** Plain object in the description's field names → bytes. */
export function encodeModel(value: Record<string, unknown>): Uint8Array {
  return model.encode(model.create(value)).finish();
}

/** Plain object in the description's field names → bytes of one message, to put among those of an open model. */
export function encodeMessage(
  name: "OperatorSetIdProto" | "AttributeProto" | "TensorProto",
  value: Record<string, unknown>,
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

export interface OpenNode {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  /** Encoded attributes. */
  attribute: Uint8Array[];
  domain: string;
}

/** A model whose nodes can be read and changed; the rest is carried along as it is. */
export interface OpenModel {
  opsetImport: Uint8Array[];
  graph: { node: OpenNode[]; initializer: Uint8Array[]; output: Uint8Array[] };
}

/** @throws {Error} when the bytes are no model */
export function openModelOf(bytes: Uint8Array): OpenModel {
  const plain = openModel.toObject(openModel.decode(bytes), { longs: Number, arrays: true });
  const { graph } = plain;
  if (!graph || graph.node.length === 0) throw new Error("it holds no ONNX graph");
  for (const node of graph.node) node.domain ??= "";
  return plain as OpenModel;
}

export function encodeOpenModel(value: OpenModel): Uint8Array {
  return openModel.encode(openModel.fromObject(value)).finish();
}
