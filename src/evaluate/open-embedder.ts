/** @file The embedding model behind metric writing, where it has been pulled; one for the whole process. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { W4sError } from "../core/errors.js";
import type { TextEmbedder } from "../core/text-embedder.js";
import { SentenceEmbedder } from "../llm/embedding/sentence-embedder.js";

const EMBEDDING_MODEL = "all-minilm-l6-v2";

/** Kept for the life of the process: 90 MB that every task shares. */
const opened = new Map<string, SentenceEmbedder>();

/**
 * Nothing is loaded before the first text.
 * @param resolve - from a model's name to its folder, such as `resolveModel`
 * @param threads - threads of the first that is opened for a folder. Default: the cores, at most 8
 * @returns undefined where the model was not pulled
 * @throws {InputError} when its files are damaged
 */
export async function openEmbedder(
  resolve: (name: string) => Promise<string>,
  threads?: number,
): Promise<TextEmbedder | undefined> {
  let directory: string;
  try {
    directory = await resolve(EMBEDDING_MODEL);
  } catch (error) {
    if (W4sError.is(error) && error.code === "no-model") return undefined;
    throw error;
  }
  // Without a registry a name is taken as a path.
  if (!existsSync(join(directory, "config.json"))) return undefined;
  const known = opened.get(directory);
  if (known) return known;
  const embedder = new SentenceEmbedder({ directory, threads });
  opened.set(directory, embedder);
  return embedder;
}
