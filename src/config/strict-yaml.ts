/** @file YAML read strictly: no tags, no repeated keys, no alias bombs, one document, at most 1 MiB; places kept. */
import { readFileSync, statSync } from "node:fs";
import { type Document, isMap, isPair, LineCounter, parseAllDocuments, YAMLError } from "yaml";
import { ConfigError, messageOf } from "../core/errors.js";

const MAX_BYTES = 1024 * 1024;
const MAX_ALIASES = 50;

export const YAML_HINT = "plain keys and values only: no tags, no repeated keys, few aliases";

/** A text that cannot be used; `place` is ":line:column" or "". */
export class YamlProblem extends Error {
  readonly place: string;
  constructor(place: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.place = place;
  }
}

export interface StrictYaml {
  value: unknown;
  /** ":line:column" of a member, or of the nearest thing around it that is there. */
  placeOf(path: readonly PropertyKey[]): string;
}

/** @throws {Error} when the file is missing, no regular file, too big, or not UTF-8 */
export function readYamlText(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile()) throw new Error("not a regular file");
  if (stat.size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
  return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
}

/**
 * The value in a YAML file.
 * @param what - the file is, for the error
 * @param hint - for a file that cannot be read
 * @throws {ConfigError} when it is missing, too big, not YAML, or uses what is refused
 */
export function readStrictYaml(path: string, what: string, hint: string): unknown {
  try {
    return parseStrictYaml(readYamlText(path)).value;
  } catch (error) {
    if (!(error instanceof YamlProblem))
      throw new ConfigError(`cannot read the ${what} ${path}: ${messageOf(error)}`, { hint, cause: error });
    const message = `${path}${error.place}: not usable YAML: ${error.message}`;
    throw new ConfigError(message, { code: "bad-yaml", hint: YAML_HINT, cause: error.cause });
  }
}

/** @throws {YamlProblem} */
export function parseStrictYaml(text: string): StrictYaml {
  const lineCounter = new LineCounter();
  const placeAt = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `:${line}:${col}`;
  };
  try {
    // logLevel "silent": warnings are errors here, and the library would print them itself.
    const documents = parseAllDocuments(text, {
      schema: "core",
      uniqueKeys: true,
      logLevel: "silent",
      lineCounter,
    });
    const document: Document.Parsed | undefined = documents[0];
    if (document === undefined) return { value: undefined, placeOf: () => "" };
    if (documents.length > 1) throw new Error("it holds more than one document");
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw problem;
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return {
      value,
      placeOf: (path) => {
        const offset = offsetOf(document, path);
        return offset === undefined ? "" : placeAt(offset);
      },
    };
  } catch (error) {
    const [start] = (error instanceof YAMLError && error.linePos) || [];
    throw new YamlProblem(start ? `:${start.line}:${start.col}` : "", messageOf(error, 200), error);
  }
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const parts = path.slice(0, length).map((part) => (typeof part === "symbol" ? String(part) : part));
    // The key, where there is one, is what one looks for in the file.
    const parent = document.getIn(parts.slice(0, -1), true);
    const key = parts.at(-1);
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && String(item.key) === key)
      : undefined;
    const node = (pair?.key ?? document.getIn(parts, true)) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return node.range[0];
  }
  return undefined;
}
