/** @file The JSON object in a reply of `agent.json`, also where it is not quite JSON. */
import { jsonrepair } from "jsonrepair";
import { withoutThinking } from "./marked-answers.js";

/** @param onProblem - told what is wrong, as a sentence without a full stop, where there is no such object */
export type KeysReader = (
  text: string,
  keys: readonly string[],
  isCut?: boolean,
  onProblem?: (problem: string) => void,
) => Record<string, string> | undefined;

/**
 * Makes the reader of objects: members of the last object in a reply that has all keys, as strings. Fences, prose with other
 * braces, lone backslashes of LaTeX, raw line breaks, single quotes, comments and trailing commas do not matter. Of a reply
 * cut at its token limit an object that is not closed does not count.
 */
export function keysReader(
  withoutThinking: (text: string) => string,
  jsonrepair: (text: string) => string,
): KeysReader {
  const closingBrace = (text: string, start: number): number | undefined => {
    let depth = 0;
    let isString = false;
    for (let i = start; i < text.length; i++) {
      const character = text[i];
      if (character === "\\") i++;
      else if (character === '"') isString = !isString;
      else if (isString) continue;
      else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) return i + 1;
    }
    return undefined;
  };
  /** Texts from a brace at the top to the brace that closes it, outside of strings; one that is never closed ends with the text. */
  const objectTexts = (text: string, isCut: boolean): string[] => {
    const parts: string[] = [];
    for (let start = text.indexOf("{"); start >= 0; ) {
      const end = closingBrace(text, start);
      if (end !== undefined) parts.push(text.slice(start, end));
      // A stray brace of prose must not hide what follows; behind a last comma there was more to come.
      else if (!isCut && /^\{\s*["'“\w]/.test(text.slice(start)) && !/,\s*$/.test(text))
        parts.push(text.slice(start).replace(/\s*```[^`]*$/, ""));
      start = text.indexOf("{", end ?? start + 1);
    }
    return parts;
  };
  /** Commands of LaTeX that begin as a line break or a tab does: "\neq", but "\nThe" and "\treturn" begin a line. */
  const commands =
    /^(?:n(?:e|eq|eg|abla|u|i|ot|otin|less|gtr|leq|geq|mid|parallel|sim|cong|subseteq|supseteq|exists|ewline|earrow|warrow)|t(?:ext[a-z]*|imes|heta|an|anh|au|o|op|frac|riangle|ilde|herefore|binom))$/;
  /** Lone backslashes doubled: "\frac" is meant, not a form feed. Where commands are escaped as they should be, "\nu" is a line break. */
  const withLatex = (json: string): string => {
    const isEscaped = /\\\\[a-zA-Z]{2}/.test(json);
    return json.replace(/\\(?:[\\"'/]|u[0-9a-fA-F]{4}|([a-zA-Z]*))/g, (all, word?: string) => {
      if (word === undefined || word === "r" || (/^[nt]/.test(word) && (isEscaped || !commands.test(word))))
        return all;
      return `\\${all}`;
    });
  };
  const parseObject = (json: string): unknown => {
    try {
      return JSON.parse(json);
    } catch {
      return JSON.parse(jsonrepair(json));
    }
  };
  return (text, keys, isCut = false, onProblem = () => {}) => {
    let problem = "The reply holds no JSON object";
    for (const part of objectTexts(withoutThinking(text), isCut).reverse()) {
      let value: unknown;
      try {
        value = parseObject(withLatex(part));
      } catch (error) {
        problem = `The JSON object cannot be read: ${(error as Error).message}`;
        continue;
      }
      if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
      const members = new Map<string, unknown>(Object.entries(value));
      const missing = keys.filter((key) => (members.get(key) ?? undefined) === undefined);
      if (missing.length > 0) {
        problem = `The JSON object lacks ${missing.map((key) => JSON.stringify(key)).join(", ")}`;
        continue;
      }
      return Object.fromEntries(
        keys.map((key) => {
          const member = members.get(key);
          return [key, typeof member === "string" ? member : JSON.stringify(member)];
        }),
      );
    }
    onProblem(problem);
    return undefined;
  };
}

export const parseKeys = keysReader(withoutThinking, jsonrepair);
