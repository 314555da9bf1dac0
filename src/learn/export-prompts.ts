/** @file Prompts that a run sent to its executor and aliases, as JSONL for people who must know what left; redacted on request. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { refuseExisting, writeAtomic } from "../core/write-atomic.js";
import { CallStore } from "../llm/call-store.js";
import { type TextRedaction, textRedaction } from "../llm/text-redaction.js";
import { readRecord } from "../records/record-file.js";

/**
 * Writes one row for each call that was paid, in the order of sending: role, model, messages and parameters. What the local
 * model was told is left out: it left nothing.
 * @param options.redact - kinds and patterns to take out
 * @returns how many rows, and how much was taken out of them by kind
 * @throws {InputError} when there is no run, or none that recorded its prompts; {ConfigError} when the target exists and
 *   force is not given, or a pattern is none
 */
export async function exportPrompts(
  directory: string,
  outPath: string,
  options: { redact?: readonly string[]; force?: boolean } = {},
): Promise<{ rows: number; redacted: TextRedaction["counts"] }> {
  const redaction = textRedaction(options.redact ?? []);
  refuseExisting(outPath, options.force);
  const path = join(directory, "calls.db");
  if (!existsSync(path)) throw noPrompts(directory, sharedCache(directory));
  using store = CallStore.open(path);
  const lines: string[] = [];
  for (const { role, model, request } of store.requests()) {
    if (role === "weak") continue;
    const messages = request.messages.map(({ role: speaker, content }) => ({
      role: speaker,
      content: redaction.redact(content),
    }));
    lines.push(`${JSON.stringify({ role, model, ...request, messages })}\n`);
  }
  if (lines.length === 0) throw noPrompts(directory);
  await writeAtomic(outPath, lines.join(""));
  return { rows: lines.length, redacted: redaction.counts };
}

function sharedCache(directory: string): string | undefined {
  return readRecord(join(directory, "config.resolved.json"), z.object({ cache: z.string().optional() }))
    ?.cache;
}

function noPrompts(directory: string, cache?: string): InputError {
  return new InputError(`${directory} holds no prompts that were sent`, {
    hint:
      cache === undefined
        ? "name a run directory of this version; older ones, and replayed runs, recorded none"
        : `the run shared the cache ${cache} with others, which does not tell whose prompts they were`,
  });
}
