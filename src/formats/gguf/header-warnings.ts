/** @file What is odd about a GGUF file but no reason to refuse it. */
import type { GgufHeader } from "./gguf-contents.js";
import { integerValue, stringValue } from "./gguf-metadata.js";
import { printable } from "./gguf-reader.js";

/** More than any model is trained with; a KV cache of this length would not fit into a laptop. */
const ODD_CONTEXT = 16 * 1024 * 1024;
const ODD_TEMPLATE: readonly (readonly [RegExp, string])[] = [
  [/__\w+__|\bconstructor\b|\bprototype\b/, "walks object internals"],
  [/range\s*\(\s*(?:\d+\s*\*\s*)?\d{5,}/, "has a very long loop"],
];
const TEXT_KEYS = ["general.name", "general.author", "general.description", "general.license", "general.url"];

export function headerWarnings(header: GgufHeader): string[] {
  const warnings: string[] = [];
  const end = header.dataOffset + header.dataBytes;
  const padding = header.tensors.length > 0 ? header.alignment : 1;
  if (header.fileSize - end >= padding)
    warnings.push(`${header.fileSize - end} bytes follow the last tensor`);
  const context = integerValue(header.metadata, `${header.architecture}.context_length`);
  if (context !== undefined && context > ODD_CONTEXT) warnings.push(`context length ${context} is absurd`);
  for (const [key, entry] of header.metadata) {
    if (!key.startsWith("tokenizer.chat_template") || typeof entry.value !== "string") continue;
    for (const [pattern, what] of ODD_TEMPLATE)
      if (pattern.test(entry.value)) warnings.push(`${key} ${what}`);
  }
  for (const key of TEXT_KEYS) {
    const text = stringValue(header.metadata, key);
    if (text !== undefined && (printable(text, 10_000) !== text || /<[a-z!/]/i.test(text))) {
      warnings.push(`${key} contains control characters or markup`);
    }
  }
  for (const key of header.metadata.keys()) {
    if (printable(key) !== key || /[<>]/.test(key))
      warnings.push(`key ${printable(key, 60)} has an odd name`);
    if (["__proto__", "constructor", "prototype"].some((part) => key.split(".").includes(part))) {
      warnings.push(`key ${printable(key, 60)} is named like a member of every object`);
    }
  }
  return warnings;
}
