/** @file A base model with an adapter merged into its weights, as a GGUF file of its own. */
import { InputError } from "../core/errors.js";
import { checkAdapterFits } from "../formats/gguf/gguf-adapter-checks.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { gguf, type TensorToStream, writeGguf } from "../formats/gguf/gguf-writer.js";
import { adapterHash } from "./adapter-hash.js";
import { readGgufAdapter } from "./gguf-adapter.js";

/** Type of the matrices that the adapter changes; all others keep their bytes. Rows that are no multiple of 32 become F16 instead of Q8_0. */
export type MergedType = "F32" | "F16" | "Q8_0";

/** `general.file_type` for a file whose largest part has this type. */
const FILE_TYPES: Readonly<Record<MergedType, number>> = { F32: 0, F16: 1, Q8_0: 7 };
const Q8_0_BLOCK = 32;
/** Sizes above these turn into infinity (float32: infinity itself); Q8_0: 127 times the largest float16 scale. */
const LARGEST: Readonly<Record<MergedType, number>> = {
  F32: Number.MAX_VALUE,
  F16: 65_504,
  Q8_0: 127 * 65_504,
};
const ADAPTER_KEY = "w4s.merged.adapter.sha256";
const DATA_KEY = "w4s.merged.data.sha256";

/**
 * Writes W + (alpha / rank)·B·A for every matrix of the adapter. Tensors are read, changed and written one by
 * one, so that memory holds one matrix at a time. Equal inputs give equal bytes. The metadata stays, with
 * `w4s.merged.*` beside it.
 * @throws {FormatError} when the adapter does not fit the base
 * @throws {InputError} when a merged number is not finite, or too large for the type
 * @throws {StorageError}
 */
export async function mergeAdapter(
  basePath: string,
  adapterPath: string,
  outPath: string,
  type: MergedType = "F16",
): Promise<void> {
  const base = GgufFile.open(basePath);
  const adapterFile = GgufFile.open(adapterPath);
  try {
    checkAdapterFits(adapterFile.header, base.header);
    const adapter = readGgufAdapter(adapterPath);
    const { rank, alpha } = adapter.config;
    const metadata = new Map(base.header.metadata);
    for (const key of ["split.no", "split.count", "split.tensors.count"]) metadata.delete(key);
    metadata.set("general.file_type", gguf.uint32(FILE_TYPES[type]));
    metadata.set(ADAPTER_KEY, gguf.string(adapterHash(adapter)));
    if (adapter.origin.dataHash !== undefined) metadata.set(DATA_KEY, gguf.string(adapter.origin.dataHash));
    const tensors = [...base.tensors.values()].map((tensor): TensorToStream => {
      const { name, shape, typeName, rowCount } = tensor;
      const pair = adapter.pairs.get(name);
      if (pair === undefined) {
        return {
          name,
          shape,
          typeName,
          data: () => byRows(rowCount, tensor.rowBytes, (rows) => base.readBytes(name, rows)),
        };
      }
      const own: MergedType = type === "Q8_0" && pair.inSize % Q8_0_BLOCK !== 0 ? "F16" : type;
      const data = () => checked(merged(base.readFloats(name), pair, alpha / rank), name, own);
      return { name, shape, typeName: own, data };
    });
    await writeGguf(outPath, metadata, tensors);
  } finally {
    base.close();
    adapterFile.close();
  }
}

/** W [out, in] + scale · B [out, rank] · A [rank, in], in place, summed in float64. */
function merged(
  weight: Float32Array,
  { a, b, inSize, outSize }: { a: Float32Array; b: Float32Array; inSize: number; outSize: number },
  scale: number,
): Float32Array {
  const rank = a.length / inSize;
  const sums = new Float64Array(inSize);
  for (let row = 0; row < outSize; row++) {
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * (b[row * rank + r] as number);
      for (let i = 0; i < inSize; i++) sums[i] = (sums[i] as number) + factor * (a[r * inSize + i] as number);
    }
    for (let i = 0; i < inSize; i++) {
      const at = row * inSize + i;
      weight[at] = (weight[at] as number) + (sums[i] as number);
    }
  }
  return weight;
}

function checked(values: Float32Array, name: string, type: MergedType): Float32Array {
  const bad = values.find((value) => !(Math.abs(value) <= LARGEST[type]));
  if (bad === undefined) return values;
  throw new InputError(
    `tensor ${name} merged with the adapter has the value ${bad}, which ${type} cannot hold`,
    {
      hint: Number.isFinite(bad) ? "merge to F32 instead" : "one of the two files is damaged",
    },
  );
}

/** Stored bytes in pieces of some megabytes: an embedding must not be held whole. */
const PIECE_BYTES = 8 * 1024 * 1024;

function* byRows(
  rowCount: number,
  rowBytes: number,
  read: (rows: { start: number; end: number }) => Uint8Array,
): Generator<Uint8Array> {
  const step = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  for (let start = 0; start < rowCount; start += step)
    yield read({ start, end: Math.min(start + step, rowCount) });
}
