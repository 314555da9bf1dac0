/** @file One batch of texts through an ONNX sentence encoder: the only import of @huggingface/transformers. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from "@huggingface/transformers";
import { muteOnnxruntime } from "../../core/telemetry/mute-onnxruntime.js";
import { integerProducts } from "../../formats/onnx/integer-products.js";

/** Products of activations and the file's 8-bit weights: activations rounded to bytes, or weights widened. */
export type Products = "integer" | "float32";

export interface SentenceModel {
  /** Vectors `[texts, width]`, row-major, of length 1. No type of the library: its own do not compile everywhere. */
  embed(texts: readonly string[]): Promise<{ data: Float32Array; width: number }>;
  close(): Promise<void>;
}

/** Longest text in tokens, as the model was published with; longer ones are cut. */
const MAX_TOKENS = 256;
const WEIGHTS = join("onnx", "model_quantized.onnx");

/**
 * @param directory - config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx
 * @throws {Error} when a file is missing or damaged
 */
export async function loadSentenceModel(
  directory: string,
  threads: number,
  products: Products,
): Promise<SentenceModel> {
  muteOnnxruntime();
  const { AutoModel, AutoTokenizer, env, mean_pooling } = await import("@huggingface/transformers");
  env.allowRemoteModels = false;
  env.useFSCache = false;
  const load = async <T>(from: string, open: (name: string) => Promise<T>): Promise<T> => {
    env.localModelPath = join(dirname(from), "/");
    // Its default lies inside node_modules.
    env.cacheDir = env.localModelPath;
    return await open(basename(from));
  };
  const tokenizer: PreTrainedTokenizer = await load(directory, (name) =>
    AutoTokenizer.from_pretrained(name, { local_files_only: true }),
  );
  const openModel = (name: string): Promise<PreTrainedModel> =>
    AutoModel.from_pretrained(name, {
      dtype: "q8",
      device: "cpu",
      local_files_only: true,
      session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
    });
  const model =
    products === "float32"
      ? await load(directory, openModel)
      : await inIntegers(directory, (copy) => load(copy, openModel));
  return {
    async embed(texts) {
      const inputs = tokenizer([...texts], { padding: true, truncation: true, max_length: MAX_TOKENS });
      endCutTexts(inputs.input_ids, tokenizer.sep_token_id);
      const { last_hidden_state: states } = (await model(inputs)) as { last_hidden_state: Tensor };
      // Mean over the tokens of a text, then length 1: what the model was trained with.
      const { data, dims } = mean_pooling(states, inputs.attention_mask).normalize(2, -1);
      return { data: data as Float32Array, width: dims[1] ?? 0 };
    },
    async close() {
      await model.dispose();
    },
  };
}

/** The library loads models from a folder only: the rewritten one lives in a private folder until it is loaded. */
async function inIntegers<T>(directory: string, load: (copy: string) => Promise<T>): Promise<T> {
  const { model } = integerProducts(readFileSync(join(directory, WEIGHTS)));
  const root = mkdtempSync(join(tmpdir(), "w4s-embedding-"));
  try {
    const copy = join(root, basename(directory));
    mkdirSync(join(copy, dirname(WEIGHTS)), { recursive: true });
    copyFileSync(join(directory, "config.json"), join(copy, "config.json"));
    writeFileSync(join(copy, WEIGHTS), model);
    return await load(copy);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * onnxruntime multiplies bytes exactly on ARM and with VNNI instructions; on older x64 processors sums of two products
 * may overflow 16 bits. Only Linux says which it has.
 */
export function hasExactByteProducts(): boolean {
  if (process.arch === "arm64") return true;
  if (process.arch !== "x64" || process.platform !== "linux") return false;
  try {
    return /^flags\s*:.*\b(avx512_vnni|avx_vnni)\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

/** The library cuts the closing mark off with the rest; the model was trained with it. */
function endCutTexts({ data, dims }: Tensor, closingMark: number): void {
  const [rows = 0, width = 0] = dims;
  if (width < MAX_TOKENS) return;
  const ids = data as BigInt64Array;
  // A row that is shorter ends in padding, id 0.
  for (let end = width - 1; end < rows * width; end += width)
    if (ids[end] !== 0n) ids[end] = BigInt(closingMark);
}
