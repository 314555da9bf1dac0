/** @file Takes secrets out of text by value, in every form they are likely to appear in. */
import { Buffer } from "node:buffer";

import { escapeRegExp } from "./escape-text.js";

/** Mark in the place of a secret. */
export const REDACTED = "[redacted]";

/**
 * Shorter values ("none", "ollama", "EMPTY") are what local servers take for a key: they guard
 * nothing, and cutting them out of every message would hide what went wrong.
 */
const MIN_SECRET_LENGTH = 8;
/** A prefix of this length names a key well enough to be worth hiding. */
const PREFIX_LENGTH = 12;

/** Removes a fixed set of secrets; build it once and use it at every place that writes text. */
export class Redactor {
  readonly #pattern: RegExp | undefined;

  /** @param secrets - values; undefined, empty and very short ones (under 8 characters) are ignored. */
  constructor(secrets: Iterable<string | undefined>) {
    const forms = new Set<string>();
    for (const secret of secrets) {
      if (secret !== undefined && secret.length >= MIN_SECRET_LENGTH) {
        for (const form of formsOf(secret)) forms.add(form);
      }
    }
    // Longest first, so that a prefix never leaves the rest of its secret behind.
    const ordered = [...forms].sort((a, b) => b.length - a.length);
    this.#pattern = ordered.length > 0 ? new RegExp(ordered.map(escapeRegExp).join("|"), "g") : undefined;
  }

  redact(text: string): string {
    return this.#pattern ? text.replace(this.#pattern, REDACTED) : text;
  }
}

function* formsOf(secret: string): Generator<string> {
  yield secret;
  yield encodeURIComponent(secret);
  yield JSON.stringify(secret).slice(1, -1);
  yield* base64Forms(secret);
  if (secret.length > PREFIX_LENGTH) yield secret.slice(0, PREFIX_LENGTH);
}

/**
 * Base64 of a text that holds the secret depends on where in a group of three bytes it begins.
 * Each alignment has a middle part that does not depend on the neighbours; those are yielded.
 */
function* base64Forms(secret: string): Generator<string> {
  const bytes = Buffer.from(secret, "utf8");
  yield bytes.toString("base64").replace(/=+$/, "");
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    const core = encoded.slice(start, end);
    if (core.length < MIN_SECRET_LENGTH) continue;
    yield core;
    yield core.replaceAll("+", "-").replaceAll("/", "_");
  }
}
