/** @file Adapters out of w4s and into it: GGUF, PEFT directory, merged model. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, InputError } from "../core/errors.js";
import { refuseExisting } from "../core/write-atomic.js";
import { readLoadableModel } from "../formats/gguf/gguf-loadable.js";
import { stringValue } from "../formats/gguf/gguf-metadata.js";
import { readGgufHeader } from "../formats/gguf/read-gguf-header.js";
import type { WeightType } from "../formats/gguf/weight-type.js";
import type { ModelConfig } from "../transformer/model-config.js";
import { readModel } from "../transformer/read-model.js";
import { type AdapterFit, adapterFit } from "./adapter-fit.js";
import { checkAdapterSizes } from "./check-adapter-sizes.js";
import { completePairs } from "./complete-pairs.js";
import { readGgufAdapter, writeGgufAdapter } from "./gguf-adapter.js";
import type { LoraAdapter } from "./lora-adapter.js";
import { mergeAdapter } from "./merge-adapter.js";
import { isMlxFolder, readMlxAdapter } from "./mlx-adapter.js";
import { readPeftAdapter, writePeftAdapter } from "./peft-adapter.js";
import { PEFT_CONFIG_FILE } from "./peft-config.js";

export type AdapterFormat = "gguf" | "peft" | "merged";

export interface ExportAdapterOptions {
  /** GGUF adapter. */
  adapterPath: string;
  /** GGUF model that it was trained on, in any quantisation. */
  basePath: string;
  format: AdapterFormat;
  /** A file, or a folder for peft. */
  outPath: string;
  /** F32 or F16 for gguf, F32, F16 or Q8_0 for merged. Default F32 and F16. */
  type?: WeightType | undefined;
  /** Write over what is there. Default false. */
  force?: boolean | undefined;
}

/**
 * Writes an adapter as GGUF, PEFT folder or merged model, after checking that it fits the base.
 * @returns whether it was trained on exactly this base: one of another quantisation is fine, one that only
 *   happens to have the same sizes is not, and the file cannot tell the two apart
 * @throws {FormatError | InputError} when adapter and base do not go together
 * @throws {ConfigError} when the target exists or the type does not suit the form
 * @throws {StorageError}
 */
export async function exportAdapter(options: ExportAdapterOptions): Promise<{ fit: AdapterFit }> {
  const { adapterPath, basePath, format, outPath, type } = options;
  if (format !== "merged" && (type === "Q8_0" || (format === "peft" && type === "F16")))
    throw new ConfigError(`${format} cannot hold ${type}`, { hint: "use F32, or F16 for gguf" });
  checkTarget(outPath, { force: options.force, sources: [adapterPath, basePath] });
  const fit = await adapterFit(readGgufHeader(adapterPath), basePath);
  if (format === "merged") {
    await mergeAdapter(basePath, adapterPath, outPath, type ?? "F16");
    return { fit };
  }
  const adapter = readGgufAdapter(adapterPath);
  if (format === "gguf") await writeGgufAdapter(outPath, adapter, type === "F16" ? "F16" : "F32");
  else {
    const base = readLoadableModel(basePath, Number.POSITIVE_INFINITY);
    const baseName = stringValue(base.metadata, "general.name");
    await writePeftAdapter(outPath, adapter, readModel(base).config, baseName);
  }
  return { fit };
}

/**
 * Turns a PEFT directory, an adapter of mlx-lm or another tool's GGUF adapter into a GGUF adapter that w4s trains on from. Layers
 * that it leaves out get pairs of zeros, which are counted in `addedPairs`.
 * @throws {FormatError | InputError} when it does not fit the base
 */
export async function importAdapter(options: {
  path: string;
  basePath: string;
  outPath: string;
  force?: boolean | undefined;
}): Promise<LoraAdapter & { addedPairs: number }> {
  const { path, basePath, outPath } = options;
  checkTarget(outPath, { force: options.force, sources: [path, basePath] });
  const { config } = readModel(readLoadableModel(basePath, Number.POSITIVE_INFINITY));
  if (!existsSync(path))
    throw new InputError(`${path} does not exist`, {
      hint: "name a PEFT directory, a folder of mlx-lm or a GGUF adapter",
    });
  const isFolder = statSync(path).isDirectory();
  const found = isFolder ? readFolder(path, config) : readGgufAdapter(path);
  checkAdapterSizes(path, found, config);
  const adapter = completePairs(found, config);
  await writeGgufAdapter(outPath, adapter);
  return { ...adapter, addedPairs: adapter.pairs.size - found.pairs.size };
}

function readFolder(path: string, config: ModelConfig): LoraAdapter {
  if (isMlxFolder(path)) return readMlxAdapter(path, config);
  checkIsPeftFolder(path);
  return readPeftAdapter(path, config);
}

/** PEFT saves an adapter that is not called `default` into a folder of its name. */
function checkIsPeftFolder(path: string): void {
  if (existsSync(join(path, PEFT_CONFIG_FILE))) return;
  const inside = readdirSync(path).filter((name) => existsSync(join(path, name, PEFT_CONFIG_FILE)));
  throw new InputError(`${path} holds no ${PEFT_CONFIG_FILE}`, {
    hint: inside.length === 0 ? "name a PEFT directory" : `name one of its folders: ${inside.join(", ")}`,
  });
}

function checkTarget(
  path: string,
  { force = false, sources }: { force: boolean | undefined; sources: readonly string[] },
): void {
  if (!existsSync(path)) return;
  const real = realpathSync(path);
  if (sources.some((source) => existsSync(source) && realpathSync(source) === real))
    throw new ConfigError(`${path} is what is read`, { hint: "choose another --out" });
  refuseExisting(path, force);
}
