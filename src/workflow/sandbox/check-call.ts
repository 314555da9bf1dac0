/** @file Checks the arguments of a call against the API table; what it returns is plain, cloned JSON. */
import {
  type ArgumentKind,
  callSignature,
  callSpec,
  MAX_EXAMPLES,
  type OptionSpec,
} from "../workflow-api.js";

const ROLES: ReadonlySet<unknown> = new Set(["system", "user", "assistant"]);
const MAX_MESSAGES = 64;
const MAX_KEYS = 32;
const MAX_KEY_LENGTH = 64;

/**
 * @param name - a call of the API table
 * @param args - parsed JSON arguments
 * @returns the arguments in order, options last where given; nothing is shared with `args`
 * @throws {TypeError | RangeError} naming call and argument; unknown options are refused, never ignored
 */
export function checkCall(name: string, args: readonly unknown[]): unknown[] {
  const spec = callSpec(name);
  if (!spec) throw new TypeError(`agent.${name} does not exist`);
  const most = spec.parameters.length + (spec.options.length > 0 ? 1 : 0);
  if (args.length > most) {
    throw new TypeError(`too many arguments: ${callSignature(spec)}`);
  }
  const checked = spec.parameters.map((parameter, index) =>
    CHECKS[parameter.kind](args[index], `${parameter.name} of agent.${name}`),
  );
  const options = args[spec.parameters.length];
  if (options !== undefined) checked.push(checkOptions(options, spec.options, name));
  return checked;
}

const CHECKS: Record<ArgumentKind, (value: unknown, where: string) => unknown> = {
  prompt(value, where) {
    if (typeof value === "string") return filled(value, where);
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MESSAGES) {
      throw new TypeError(`${where} must be a string or a list of 1–${MAX_MESSAGES} messages`);
    }
    return value.map((message, index) => checkMessage(message, `message ${index + 1} in the ${where}`));
  },
  keys(value, where) {
    const isList = Array.isArray(value) && value.length > 0 && value.length <= MAX_KEYS;
    const isNamed = (key: unknown) =>
      typeof key === "string" && key !== "" && key.length <= MAX_KEY_LENGTH && key !== "__proto__";
    if (!isList || !value.every(isNamed) || new Set(value).size < value.length) {
      throw new TypeError(`${where} must be a list of 1–${MAX_KEYS} different short names`);
    }
    return [...value];
  },
  code(value, where) {
    // An empty program is what a reply without code holds: it runs, does nothing, and fails its tests.
    if (typeof value !== "string") throw new TypeError(`${where} must be a string`);
    return value;
  },
  name(value, where) {
    if (typeof value !== "string" || !/^[A-Za-z][\w.-]{0,63}$/.test(value)) {
      throw new TypeError(`${where} must be a short name`);
    }
    return value;
  },
  count(value, where) {
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_EXAMPLES)
      throw new RangeError(`${where} must be a whole number from 1 to ${MAX_EXAMPLES}`);
    return value;
  },
  json(value) {
    return value === undefined ? null : structuredClone(value);
  },
};

function checkMessage(message: unknown, where: string): { role: string; content: string } {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new TypeError(`${where} must be { role, content }`);
  }
  const unknown = Object.keys(message).find((key) => key !== "role" && key !== "content");
  if (unknown !== undefined) throw new TypeError(`${where}: unknown member ${quoted(unknown)}`);
  const { role, content } = message as { role?: unknown; content?: unknown };
  if (!ROLES.has(role)) throw new TypeError(`${where}: role must be system, user or assistant`);
  if (typeof content !== "string") throw new TypeError(`${where}: content must be a string`);
  return { role: role as string, content };
}

type OptionValue = string | number | boolean;

function checkOptions(
  options: unknown,
  specs: readonly OptionSpec[],
  name: string,
): Record<string, OptionValue> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`options of agent.${name} must be an object`);
  }
  const checked: Record<string, OptionValue> = {};
  for (const [key, value] of Object.entries(options)) {
    const spec = specs.find((candidate) => candidate.name === key);
    if (!spec) {
      const known = specs.map((candidate) => candidate.name).join(", ");
      throw new TypeError(`unknown option ${quoted(key)} of agent.${name}; known: ${known || "none"}`);
    }
    checked[key] = checkOption(value, spec, name);
  }
  return checked;
}

function checkOption(value: unknown, spec: OptionSpec, name: string): OptionValue {
  const where = `option ${spec.name} of agent.${name}`;
  const { min, max } = spec;
  if (spec.type === "boolean") {
    if (typeof value !== "boolean") throw new TypeError(`${where} must be true or false`);
    return value;
  }
  if (spec.type === "number") {
    const isFit = typeof value === "number" && value >= min && value <= max;
    if (!isFit || (spec.isInteger && !Number.isInteger(value))) {
      throw new RangeError(
        `${where} must be ${spec.isInteger ? "a whole" : "a"} number from ${min} to ${max}`,
      );
    }
    return value;
  }
  if (typeof value !== "string" || value.length < min || value.length > max) {
    throw new RangeError(`${where} must be a string of ${min}–${max} characters`);
  }
  if (spec.pattern && !spec.pattern.test(value)) {
    throw new RangeError(`${where} holds characters that are not allowed`);
  }
  return value;
}

function filled(text: string, where: string): string {
  if (text.trim() === "") throw new TypeError(`${where} is empty`);
  return text;
}

function quoted(key: string): string {
  return JSON.stringify(key.slice(0, 40));
}
