/** @file Adapter files are named by their content: llama.cpp's binding caches adapters by path. */
import { join } from "node:path";
import { adapterHash } from "./adapter-hash.js";
import { writeGgufAdapter } from "./gguf-adapter.js";
import type { LoraAdapter } from "./lora-adapter.js";

const HASH_DIGITS = 12;

/**
 * Writes `adapter-<name>-<hash>.gguf` into a folder, which is made where it is missing.
 * @returns the path
 * @throws {StorageError}
 */
export async function saveAdapter(folder: string, name: string, adapter: LoraAdapter): Promise<string> {
  const path = join(folder, `adapter-${name}-${adapterHash(adapter).slice(0, HASH_DIGITS)}.gguf`);
  await writeGgufAdapter(path, adapter);
  return path;
}
