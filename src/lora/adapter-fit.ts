/** @file What the trainer says about a file: whether a model can be trained, whether an adapter fits a base. */
import { UnsupportedModelError } from "../core/errors.js";
import { cachedFileHash } from "../core/file-hash.js";
import { checkAdapterFits } from "../formats/gguf/gguf-adapter-checks.js";
import type { GgufHeader } from "../formats/gguf/gguf-contents.js";
import { readLoadableModel } from "../formats/gguf/gguf-loadable.js";
import { stringValue } from "../formats/gguf/gguf-metadata.js";
import { readModel } from "../transformer/read-model.js";

/** Reason why the trainer does not support a model; null = it does. */
export function trainerProblem(header: GgufHeader): string | null {
  try {
    readModel(header);
    return null;
  } catch (error) {
    if (!(error instanceof UnsupportedModelError)) throw error;
    // The message begins with the file, which the reader knows.
    return error.message.replace(`${header.file}: `, "");
  }
}

/** Kinds of fit: trained on exactly this file, on another one, or the adapter does not say. */
export type AdapterFit = "same base" | "fits another base" | "fits";

/**
 * Whether an adapter was trained on exactly this base file, and would fit it anyway.
 * @throws {FormatError} when it does not fit: another architecture, missing or ill-shaped matrices, NaN
 */
export async function adapterFit(adapter: GgufHeader, basePath: string): Promise<AdapterFit> {
  // Nothing is loaded: a base larger than this machine's memory is fine.
  checkAdapterFits(adapter, readLoadableModel(basePath, Number.POSITIVE_INFINITY));
  const expected = stringValue(adapter.metadata, "w4s.base.sha256");
  if (expected === undefined) return "fits";
  return (await cachedFileHash(basePath)) === expected ? "same base" : "fits another base";
}
