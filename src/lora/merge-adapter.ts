/** @file A base model with an adapter merged into its weights, as a GGUF file of its own. */
import { checkAdapterFits } from "../formats/gguf/gguf-adapter-checks.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { gguf, type TensorToStream, writeGguf } from "../formats/gguf/gguf-writer.js";
import { checkNumbers, metadataFor, typeOfRows, type WeightType } from "../formats/gguf/weight-type.js";
import { adapterHash } from "./adapter-hash.js";
import { readGgufAdapter } from "./gguf-adapter.js";
import type { LoraPair } from "./lora-adapter.js";

const ADAPTER_KEY = "w4s.merged.adapter.sha256";
const DATA_KEY = "w4s.merged.data.sha256";

/**
 * Writes W + (alpha / rank)·B·A for every matrix of the adapter. Tensors are read, changed and written one by
 * one, so that memory holds one matrix at a time. Equal inputs give equal bytes. The metadata stays, with
 * `w4s.merged.*` beside it.
 * @param type - of the matrices that the adapter changes, F16 instead of Q8_0 for rows that are no multiple of 32; all
 *   others keep their bytes
 * @throws {FormatError} when the adapter does not fit the base
 * @throws {InputError} when a merged number is not finite, or too large for the type
 * @throws {StorageError}
 */
export async function mergeAdapter(
  basePath: string,
  adapterPath: string,
  outPath: string,
  type: WeightType = "F16",
): Promise<void> {
  const base = GgufFile.open(basePath);
  const adapterFile = GgufFile.open(adapterPath);
  try {
    checkAdapterFits(adapterFile.header, base.header);
    const adapter = readGgufAdapter(adapterPath);
    const { rank, alpha } = adapter.config;
    const metadata = metadataFor(base.header, type);
    metadata.set(ADAPTER_KEY, gguf.string(adapterHash(adapter)));
    if (adapter.origin.dataHash !== undefined) metadata.set(DATA_KEY, gguf.string(adapter.origin.dataHash));
    const tensors = [...base.tensors.values()].map((tensor): TensorToStream => {
      const { name, shape, typeName, rowCount } = tensor;
      const pair = adapter.pairs.get(name);
      if (pair === undefined) {
        const data = () => byRows(rowCount, tensor.rowBytes, (rows) => base.readBytes(name, rows));
        return { name, shape, typeName, data };
      }
      const own = typeOfRows(type, pair.inSize);
      const what = `tensor ${name} merged with the adapter`;
      const sum = () => merged(base.readFloats(name), pair, alpha / rank);
      const data = () => checkNumbers(what, sum(), own, "one of the two files is damaged");
      return { name, shape, typeName: own, data };
    });
    await writeGguf(outPath, metadata, tensors);
  } finally {
    base.close();
    adapterFile.close();
  }
}

/** W [out, in] + scale · B [out, rank] · A [rank, in], in place, summed in float64. */
function merged(weight: Float32Array, { a, b, inSize, outSize }: LoraPair, scale: number): Float32Array {
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
