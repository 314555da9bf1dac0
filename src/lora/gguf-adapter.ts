/** @file Adapters as GGUF files, in the form that llama.cpp loads. */
import { InternalError } from "../core/errors.js";
import { adapterPairs, checkFinite } from "../formats/gguf/gguf-adapter-checks.js";
import { badHeader, type GgufHeader } from "../formats/gguf/gguf-contents.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { stringValue } from "../formats/gguf/gguf-metadata.js";
import { gguf, type TensorToStream, writeGguf } from "../formats/gguf/gguf-writer.js";
import { checkNumbers } from "../formats/gguf/weight-type.js";
import { linearsOfFamily } from "../transformer/read-model.js";
import type { AdapterOrigin, LoraAdapter, LoraPair } from "./lora-adapter.js";
import { comparePlaces, type PairPlace, placeOf, targetsOf } from "./pair-place.js";

const ALPHA_KEY = "adapter.lora.alpha";
const INVOCATION_KEY = "adapter.alora.invocation_tokens";

/** Metadata key for each part of an adapter's origin; llama.cpp reads over keys it does not know. */
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
 * @throws {FormatError} `bad GGUF: <field>: <why>`: no adapter, half a pair, ranks that differ, NaN, alpha 0 or less,
 *   tensors of other matrices, activated LoRA
 */
export function readGgufAdapter(path: string): LoraAdapter {
  const file = GgufFile.open(path);
  try {
    const { header } = file;
    if (header.kind !== "adapter")
      throw badHeader(header, "general.type", `is ${header.kind}, expected adapter`);
    if (header.metadata.has(INVOCATION_KEY))
      throw badHeader(header, INVOCATION_KEY, "is given: activated LoRA is not supported");
    const alpha = Number(header.metadata.get(ALPHA_KEY)?.value);
    if (!(alpha > 0)) throw badHeader(header, ALPHA_KEY, `is ${alpha}, expected above 0`);
    checkFinite(header);
    const found = findPairs(header);
    const rank = found[0]?.rank as number;
    const pairs = new Map<string, LoraPair>();
    for (const { name, rank: own, inSize, outSize } of found) {
      if (own !== rank)
        throw badHeader(header, `tensor ${name}.lora_a`, `has rank ${own}, the ones before it ${rank}`);
      const a = file.readFloats(`${name}.lora_a`);
      pairs.set(name, { inSize, outSize, a, b: file.readFloats(`${name}.lora_b`) });
    }
    return {
      architecture: header.architecture,
      config: { rank, alpha, targets: targetsOf(found) },
      pairs,
      origin: readOrigin((key) => stringValue(header.metadata, key)),
    };
  } finally {
    file.close();
  }
}

interface FoundPair extends PairPlace {
  rank: number;
  inSize: number;
  outSize: number;
}

/** Pairs in their order. ggml drops a last dimension of 1: rank 1 gives a vector. */
function findPairs(header: GgufHeader): FoundPair[] {
  return adapterPairs(header)
    .map(({ name, a, b }) => {
      const place = placeOf(name);
      const linears = linearsOfFamily(header.architecture);
      if (place === undefined || !linears.includes(place.target)) {
        const known = linears.join(", ");
        throw badHeader(header, `tensor ${a.name}`, `belongs to none of ${known} of a layer`);
      }
      const [inSize = 0, rank = 1] = a.dimensions;
      return { ...place, rank, inSize, outSize: b.dimensions[1] ?? 1 };
    })
    .sort(comparePlaces);
}

function readOrigin(read: (key: string) => string | undefined): AdapterOrigin {
  return Object.fromEntries(Object.entries(ORIGIN_KEYS).map(([name, key]) => [name, read(key)]));
}

/**
 * Writes an adapter; the file appears when it is complete. Equal adapters give equal bytes.
 * @param type of the numbers; F16 halves the file and rounds to 11 bits. Default F32
 * @throws {InternalError} for a pair whose arrays do not fit its sizes
 * @throws {InputError} for numbers that F16 cannot hold
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
    [ALPHA_KEY, gguf.float32(config.alpha)],
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
    if (type === "F16") for (const values of [a, b]) checkNumbers(`pair ${name}`, values, type);
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
