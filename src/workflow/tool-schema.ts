/** @file The input of a tool as a JSON schema: its text for prompts, and the inputs a grammar can write. */

/** The part of JSON Schema that is read here; the rest is only checked by zod. */
export interface ToolSchema {
  type?: string | string[] | undefined;
  properties?: Record<string, ToolSchema> | undefined;
  required?: string[] | undefined;
  items?: ToolSchema | undefined;
  enum?: unknown[] | undefined;
  const?: unknown;
  anyOf?: ToolSchema[] | undefined;
  pattern?: string | undefined;
  format?: string | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
}

const MAX_TEXT = 240;
const MAX_ALTERNATIVES = 8;
const IDENTIFIER = /^[A-Za-z_]\w{0,40}$/;

/** The input in the words of TypeScript, such as `{ query: string, limit?: number }`; cut at 240 characters. */
export function schemaText(schema: ToolSchema): string {
  const text = typeText(schema, 0);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function typeText(schema: ToolSchema, depth: number): string {
  if (depth > 4) return "unknown";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => typeText(one, depth + 1)).join(" | ");
  if (Array.isArray(schema.type))
    return schema.type.map((type) => typeText({ ...schema, type }, depth + 1)).join(" | ");
  switch (schema.type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
      return "number";
    case "array":
      return `(${typeText(schema.items ?? {}, depth + 1)})[]`.replace(/^\((\w+)\)/, "$1");
    case "object": {
      const members = Object.entries(schema.properties ?? {}).map(
        ([key, member]) =>
          `${IDENTIFIER.test(key) ? key : JSON.stringify(key)}${isRequired(schema, key) ? "" : "?"}: ${typeText(member, depth + 1)}`,
      );
      return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
    }
    default:
      return "unknown";
  }
}

function isRequired({ required = [] }: ToolSchema, key: string): boolean {
  return required.includes(key);
}

function isFreeText({ type, pattern, format, enum: choices, const: constant }: ToolSchema): boolean {
  return (
    type === "string" && !choices && constant === undefined && pattern === undefined && format === undefined
  );
}

/** Source texts a value can be written as without knowing the task: alternatives, or none. */
function constants(schema: ToolSchema): string[] {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.slice(0, MAX_ALTERNATIVES).map((value) => JSON.stringify(value));
  if (schema.type === "boolean") return ["true", "false"];
  if (schema.type !== "integer" && schema.type !== "number") return [];
  const { minimum = 1, maximum = Number.MAX_SAFE_INTEGER } = schema;
  const candidates = [minimum, 3, 5].filter((value) => value >= minimum && value <= maximum);
  return [...new Set(candidates)].map(String);
}

/**
 * An input written from the question alone: pieces of source, each with its alternatives. Free texts become
 * `task.question`, numbers and choices constants, optional members are left out.
 * @returns undefined where the schema asks for more than that, or for nothing that depends on the question
 */
export function questionInput(schema: ToolSchema): string[][] | undefined {
  if (isFreeText(schema)) return [["task.question"]];
  if (schema.type !== "object") return undefined;
  const keys = schema.required ?? [];
  if (keys.length === 0) return Object.keys(schema.properties ?? {}).length === 0 ? [["{}"]] : undefined;
  const pieces: string[][] = [["{ "]];
  let isAboutQuestion = false;
  for (const [index, key] of keys.entries()) {
    const member = schema.properties?.[key] ?? {};
    const values = isFreeText(member) ? ["task.question"] : constants(member);
    if (values.length === 0 || !IDENTIFIER.test(key)) return undefined;
    isAboutQuestion ||= isFreeText(member);
    pieces.push([`${index === 0 ? "" : ", "}${key}: `], values);
  }
  return isAboutQuestion ? [...pieces, [" }"]] : undefined;
}

/** The required members where all of them are texts or one of some texts: a model can fill them in as JSON. */
export function fillableKeys(schema: ToolSchema): string[] | undefined {
  const keys = schema.type === "object" ? (schema.required ?? []) : [];
  const isText = (key: string) => {
    const { type, enum: choices } = schema.properties?.[key] ?? {};
    return (
      IDENTIFIER.test(key) &&
      (type === "string" || (choices?.every((one) => typeof one === "string") ?? false))
    );
  };
  return keys.length > 0 && keys.length <= MAX_ALTERNATIVES && keys.every(isText) ? [...keys] : undefined;
}
