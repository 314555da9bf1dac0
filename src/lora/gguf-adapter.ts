/** @file Adapters as GGUF files, in the form that llama.cpp loads. */
import { InternalError } from "../core/errors.js";
import { checkFinite } from "../formats/gguf-adapter-checks.js";
import { badHeader } from "../formats/gguf-contents.js";
import { GgufFile } from "../formats/gguf-file.js";
import { stringValue } from "../formats/gguf-metadata.js";
import { gguf, type TensorToStream, writeGguf } from "../formats/gguf-writer.js";
import { LINEAR_NAMES, type LinearName } from "../transformer/linear-name.js";
import type { AdapterOrigin, LoraAdapter, LoraPair } from "./lora-adapter.js";

const TENSOR = /^(blk\.(\d+)\.([a-z_]+)\.weight)\.lora_([ab])$/;

/** Where an adapter comes from, key by key; llama.cpp reads over keys it does not know. */
const ORIGIN_KEYS: Readonly<Record<keyof AdapterOrigin, string>> = {
  baseHash: "w4s.base.sha256",
  baseName: "general.base_model.0.name",
  dataHash: "w4s.data.sha256",
  parentHash: "w4s.parent.sha256",
  trainConfig: "w4s.train.config",
  rewards: "w4s.train.rewards",
};

/**
 * Reads an adapter that changes matrices of the layers, all with one rank.
 * @throws {FormatError} `bad GGUF: <field>: <why>`: no adapter, half a pair, ranks that differ, NaN, alpha 0
 */
export function readGgufAdapter(path: string): LoraAdapter {
  const file = GgufFile.open(path);
  try {
    const { header } = file;
    if (header.kind !== "adapter")
      throw badHeader(header, "general.type", `is ${header.kind}, expected adapter`);
    checkFinite(header);
    const pairs = new Map<string, LoraPair>();
    const found: { base: string; layer: number; target: LinearName }[] = [];
    for (const name of file.tensors.keys()) {
      const [, base = "", layer, target = "", half] = TENSOR.exec(name) ?? [];
      if (!(LINEAR_NAMES as readonly string[]).includes(target))
        throw badHeader(header, `tensor ${name}`, `belongs to none of ${LINEAR_NAMES.join(", ")} of a layer`);
      if (half === "a") found.push({ base, layer: Number(layer), target: target as LinearName });
    }
    found.sort(
      (x, y) => x.layer - y.layer || LINEAR_NAMES.indexOf(x.target) - LINEAR_NAMES.indexOf(y.target),
    );
    let rank = 0;
    for (const { base } of found) {
      const [own = 0, inSize = 0] = file.tensors.get(`${base}.lora_a`)?.shape ?? [];
      if (rank !== 0 && own !== rank)
        throw badHeader(header, `tensor ${base}.lora_a`, `has rank ${own}, the ones before it ${rank}`);
      rank = own;
      const outSize = file.tensors.get(`${base}.lora_b`)?.shape[0] ?? 0;
      const a = file.readFloats(`${base}.lora_a`);
      pairs.set(base, { inSize, outSize, a, b: file.readFloats(`${base}.lora_b`) });
    }
    return {
      architecture: header.architecture,
      config: {
        rank,
        alpha: Number(header.metadata.get("adapter.lora.alpha")?.value),
        targets: LINEAR_NAMES.filter((name) => found.some(({ target }) => target === name)),
      },
      pairs,
      origin: readOrigin((key) => stringValue(header.metadata, key)),
    };
  } finally {
    file.close();
  }
}

function readOrigin(read: (key: string) => string | undefined): AdapterOrigin {
  const known = Object.entries(ORIGIN_KEYS).map(([name, key]) => [name, read(key)]);
  return Object.fromEntries(known.filter(([, value]) => value !== undefined)) as AdapterOrigin;
}

/**
 * Writes an adapter; the file appears when it is complete. Equal adapters give equal bytes.
 * @param type of the numbers; F16 halves the file and rounds to 11 bits. Default F32
 * @throws {InternalError} for a pair whose arrays do not fit its sizes
 * @throws {StorageError}
 */
export async function writeGgufAdapter(
  path: string,
  adapter: LoraAdapter,
  type: "F32" | "F16" = "F32",
): Promise<void> {
  const { architecture, config, pairs, origin } = adapter;
  const metadata = new Map([
    ["general.architecture", gguf.string(architecture)],
    ["general.type", gguf.string("adapter")],
    ["adapter.type", gguf.string("lora")],
    ["adapter.lora.alpha", gguf.float32(config.alpha)],
    ...(origin.baseName === undefined ? [] : [["general.base_model.count", gguf.uint32(1)] as const]),
    ...Object.entries(ORIGIN_KEYS).flatMap(([name, key]) => {
      const value = origin[name as keyof AdapterOrigin];
      return value === undefined ? [] : [[key, gguf.string(value)] as const];
    }),
  ]);
  const tensors: TensorToStream[] = [];
  for (const [name, pair] of pairs) {
    checkPair(name, pair, config.rank);
    const { a, b, inSize, outSize } = pair;
    tensors.push({ name: `${name}.lora_a`, shape: [config.rank, inSize], typeName: type, data: () => a });
    tensors.push({ name: `${name}.lora_b`, shape: [outSize, config.rank], typeName: type, data: () => b });
  }
  await writeGguf(path, metadata, tensors);
}

function checkPair(name: string, { a, b, inSize, outSize }: LoraPair, rank: number): void {
  if (a.length === rank * inSize && b.length === outSize * rank) return;
  throw new InternalError(
    `pair ${name}: ${a.length} and ${b.length} numbers for rank ${rank}, in ${inSize}, out ${outSize}`,
  );
}
