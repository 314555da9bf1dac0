/** @file What a training run is: its checkpoints go on only under the same model, data and settings. */
import { ConfigError, InputError } from "../../core/errors.js";
import { canonicalJson } from "../../core/hash.js";

export interface RunIdentity {
  /** SHA-256 of the base model's file. */
  modelHash: string;
  /** SHA-256 of the examples. */
  dataHash: string;
  /** Every setting that changes a number of the result, as JSON values; objects may be nested. */
  config: Readonly<Record<string, unknown>>;
}

const HINT = "use the same model, data and settings to go on, or another folder to begin anew";
/** Digits of a hash that a message shows. */
const SHORT_HASH = 12;
const MAX_SHOWN_LENGTH = 80;

/**
 * Compares a checkpoint's run with the one that wants to go on from it.
 * @throws {InputError} when the base model is another file; all other changes are listed too
 * @throws {ConfigError} listing every changed setting and hash as old → new
 */
export function checkSameRun(old: RunIdentity, now: RunIdentity): void {
  const before = flatten(old.config);
  const after = flatten(now.config);
  // Checkpoints of before the form of weights was kept do not tell it.
  if (!before.has("weightForm")) after.delete("weightForm");
  const changes = [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name} ${shown(before.get(name))} → ${shown(after.get(name))}`);
  if (old.dataHash !== now.dataHash) changes.unshift(hashChange("data", old.dataHash, now.dataHash));
  const isOtherModel = old.modelHash !== now.modelHash;
  if (isOtherModel) changes.unshift(hashChange("model", old.modelHash, now.modelHash));
  if (changes.length === 0) return;
  const message = `the checkpoint is of another run: ${changes.join("; ")}`;
  if (isOtherModel) throw new InputError(message, { hint: HINT, code: "other-model" });
  throw new ConfigError(message, { hint: HINT, code: "other-run" });
}

/** JSON text by dotted name. Lists are compared whole. */
function flatten(value: Readonly<Record<string, unknown>>, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const name = `${prefix}${key}`;
    if (typeof member === "object" && member !== null && !Array.isArray(member)) {
      for (const entry of flatten(member as Record<string, unknown>, `${name}.`)) flat.set(...entry);
    } else flat.set(name, canonicalJson(member));
  }
  return flat;
}

function shown(json: string | undefined): string {
  if (json === undefined) return "not set";
  return json.length > MAX_SHOWN_LENGTH ? `${json.slice(0, MAX_SHOWN_LENGTH)}…` : json;
}

function hashChange(what: string, old: string, now: string): string {
  return `${what} ${old.slice(0, SHORT_HASH)} → ${now.slice(0, SHORT_HASH)}`;
}
