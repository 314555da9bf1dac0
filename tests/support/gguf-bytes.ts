/** @file Hand-made GGUF bytes for lies that no honest writer would produce. */

export const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};

export const u64 = (value: bigint | number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return out;
};

export const text = (value: string | Buffer): Buffer =>
  Buffer.concat([u64(Buffer.from(value).length), Buffer.from(value)]);

/** One key-value pair from its raw parts. */
export const pair = (key: string | Buffer, type: number, ...value: Buffer[]): Buffer =>
  Buffer.concat([text(key), u32(type), ...value]);

export interface RawTensor {
  name: string | Buffer;
  dimensions: (bigint | number)[];
  type?: number;
  offset?: bigint | number;
  rank?: number;
}

export const tensorInfo = ({ name, dimensions, type = 0, offset = 0, rank }: RawTensor): Buffer =>
  Buffer.concat([text(name), u32(rank ?? dimensions.length), ...dimensions.map(u64), u32(type), u64(offset)]);

export interface RawFile {
  magic?: string;
  version?: number;
  pairs?: Buffer[];
  tensors?: Buffer[];
  keyCount?: bigint | number;
  tensorCount?: bigint | number;
  /** Bytes of tensor data behind the aligned header. */
  dataBytes?: number;
}

/** A file of these parts; counts are right unless given. */
export function rawGguf(file: RawFile): Buffer {
  const { magic = "GGUF", version = 3, pairs = [], tensors = [], dataBytes = 0 } = file;
  const header = Buffer.concat([
    Buffer.from(magic, "latin1"),
    u32(version),
    u64(file.tensorCount ?? tensors.length),
    u64(file.keyCount ?? pairs.length),
    ...pairs,
    ...tensors,
  ]);
  const padding = tensors.length > 0 ? (32 - (header.length % 32)) % 32 : 0;
  return Buffer.concat([header, Buffer.alloc(padding + dataBytes)]);
}
