/** @file The table of settings as the schema holds it: kind, meaning, choices and default of each, and what it decides. */
import { z } from "zod";
import type { Decides } from "./config-fields.js";
import { runConfigSchema } from "./run-config.js";

/** Setting that can be written as one text: on the command line, or as a variable. */
export interface Setting {
  kind: "number" | "boolean" | "string";
  meaning: string;
  choices: readonly string[] | undefined;
  default: unknown;
}

/** Settings by dotted path, such as "budget.dollars"; maps of the user's own are left out. */
export const SETTINGS: ReadonlyMap<string, Setting> = new Map(
  leaves(runConfigSchema as unknown as z.ZodType, ""),
);

/** Part of a run that a key at the top of the configuration decides. */
export function decidesOf(key: string): Decides {
  const { shape } = unwrap(runConfigSchema as unknown as z.ZodType) as z.ZodObject;
  return ((shape[key] as z.ZodType | undefined)?.meta()?.decides as Decides | undefined) ?? "results";
}

function leaves(schema: z.ZodType, prefix: string): [string, Setting][] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, member]) =>
      leaves(member as z.ZodType, prefix === "" ? key : `${prefix}.${key}`),
    );
  }
  if (inner instanceof z.ZodRecord) return [];
  const kind = inner instanceof z.ZodNumber ? "number" : inner instanceof z.ZodBoolean ? "boolean" : "string";
  const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
  const given = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
  return [[prefix, { kind, meaning: schema.description ?? "", choices, default: given }]];
}

/** The schema behind defaults, optionals and transforms. */
function unwrap(schema: z.ZodType): z.ZodType {
  let current = schema;
  for (;;) {
    // Before a transform stands what is allowed, behind a preprocessing step.
    if (current instanceof z.ZodPipe)
      current = (current.in instanceof z.ZodTransform ? current.out : current.in) as z.ZodType;
    else if (
      current instanceof z.ZodDefault ||
      current instanceof z.ZodPrefault ||
      current instanceof z.ZodOptional ||
      current instanceof z.ZodExactOptional
    ) {
      current = current.unwrap() as z.ZodType;
    } else return current;
  }
}

/** Known keys at a place of a schema, for hints at misspelt ones; none where no map of known keys lies there. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = mapIn(schema);
  for (const part of path) {
    if (current instanceof z.ZodArray) current = mapIn(current.element as z.ZodType);
    else if (current instanceof z.ZodRecord) current = mapIn(current.valueType as z.ZodType);
    else if (current instanceof z.ZodObject) current = mapIn(current.shape[String(part)] as z.ZodType);
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Among alternatives the one that is a map: only there can a key be misspelt. */
function mapIn(schema: z.ZodType): z.ZodType {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodUnion)) return inner;
  const options = (inner.options as z.ZodType[]).map(unwrap);
  return options.find((one) => one instanceof z.ZodObject) ?? inner;
}
