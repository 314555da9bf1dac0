/** @file The inputs that `w4s run` was given: one of flags or of a JSON object, or many of JSON lines or a list. */
import { readFileSync } from "node:fs";
import type { VisibleTask } from "../commands.js";
import { ConfigError, InputError, messageOf } from "../core/errors.js";

export type RunInput = Omit<VisibleTask, "id"> & { id?: string };

export interface InputFlags {
  question?: string | undefined;
  context?: string | undefined;
  choice: string[];
  input?: string | undefined;
}

const HINT = 'give a JSON object such as {"question": "…"}, or one of these a line';

/**
 * @returns `isMany` where a list or more than one line was given, also of a single item
 * @throws {ConfigError} without any input; {InputError} naming file and line of what is none
 */
export function readInputs({ question, context, choice, input }: InputFlags): {
  inputs: RunInput[];
  isMany: boolean;
} {
  if (input === undefined) {
    if (question === undefined)
      throw new ConfigError("there is no input", { hint: "give --question TEXT, --input FILE or --item ID" });
    return {
      inputs: [{ question, context, choices: choice.length > 0 ? choice : undefined }],
      isMany: false,
    };
  }
  const name = input === "-" ? "stdin" : input;
  const text = readText(input, name).replace(/^\ufeff/, "");
  const whole = parsed(text);
  if (whole !== undefined && !/\.(jsonl|ndjson)$/i.test(input)) {
    if (!Array.isArray(whole)) return { inputs: [checked(whole, name)], isMany: false };
    return { inputs: whole.map((one, at) => checked(one, `${name}: item ${at + 1}`)), isMany: true };
  }
  const lines = text.split("\n").map((line, at) => ({ line: line.trim(), place: `${name}: line ${at + 1}` }));
  const filled = lines.filter(({ line }) => line !== "");
  if (filled.length === 0) throw new InputError(`${name}: holds no input`, { hint: HINT });
  const inputs = filled.map(({ line, place }) => {
    const value = parsed(line);
    if (value === undefined) throw new InputError(`${place}: not JSON`, { hint: HINT });
    return checked(value, place);
  });
  return { inputs, isMany: true };
}

function readText(input: string, name: string): string {
  try {
    return readFileSync(input === "-" ? 0 : input, "utf8");
  } catch (error) {
    throw new InputError(`cannot read the input ${name}: ${messageOf(error)}`, { hint: HINT, cause: error });
  }
}

/** Undefined where it is no JSON; JSON itself has no such value. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TEXT_FIELDS = new Set(["id", "question", "context", "prompt", "entryPoint", "instruction"]);
const LIST_FIELDS = new Set(["choices", "publicTests"]);

function checked(value: unknown, place: string): RunInput {
  const fail = (what: string) => new InputError(`${place}: ${what}`, { hint: HINT });
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("not a JSON object");
  for (const [key, member] of Object.entries(value)) {
    if (TEXT_FIELDS.has(key)) {
      if (typeof member !== "string") throw fail(`field ${key} is no string`);
    } else if (!LIST_FIELDS.has(key)) throw fail(`unknown field ${JSON.stringify(key)}`);
    else if (!Array.isArray(member) || member.some((text) => typeof text !== "string")) {
      throw fail(`field ${key} is no list of strings`);
    }
  }
  if (typeof (value as { question?: unknown }).question !== "string") throw fail("field question is missing");
  return value as RunInput;
}
