/** @file Takes what may be private out of text by pattern: addresses, keys, numbers, and patterns of the user's. */
import { ConfigError } from "../core/errors.js";

/** Kinds that can be named on the command line, and what stands in their place. */
const KINDS: Readonly<Record<string, { pattern: RegExp; mark: string }>> = {
  emails: { pattern: /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, mark: "[email]" },
  keys: {
    // Keys of known makers, bearer tokens, JSON web tokens, PEM blocks, and long runs of letters with digits.
    pattern:
      /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)|\bBearer\s+[\w.~+/=-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abprs]|hf|glpat)[-_][\w-]{10,}|\b(?:AKIA|AIza)[\w-]{12,}|\b(?=[\w+/-]*\d)(?=[\w+/-]*[A-Za-z])[\w+/-]{32,}={0,2}/g,
    mark: "[key]",
  },
  numbers: { pattern: /\d(?:[\d.,:/ -]*\d)?/g, mark: "[number]" },
};

export const REDACTION_KINDS: readonly string[] = Object.keys(KINDS);

export interface TextRedaction {
  /** Counts what it took out, by kind. */
  readonly counts: Record<string, number>;
  redact(text: string): string;
}

/**
 * @param wanted - names of REDACTION_KINDS, and patterns as /…/imsu, in the order in which they are applied
 * @throws {ConfigError} on what is neither
 */
export function textRedaction(wanted: readonly string[]): TextRedaction {
  const counts: Record<string, number> = {};
  const rules = wanted.map((name) => {
    const kind = KINDS[name];
    if (kind !== undefined) return { name, ...kind };
    const [, source, flags = ""] = /^\/(.+)\/([imsu]*)$/s.exec(name) ?? [];
    if (source === undefined) throw unknown(name);
    try {
      return { name, pattern: new RegExp(source, `g${flags}`), mark: "[redacted]" };
    } catch (error) {
      throw unknown(name, error);
    }
  });
  for (const { name } of rules) counts[name] = 0;
  return {
    counts,
    redact: (text) =>
      rules.reduce(
        (left, { name, pattern, mark }) =>
          left.replace(pattern, (found) => {
            if (found === "") return found;
            counts[name] = (counts[name] ?? 0) + 1;
            return mark;
          }),
        text,
      ),
  };
}

function unknown(name: string, cause?: unknown): ConfigError {
  return new ConfigError(`--redact: ${JSON.stringify(name)} is neither a kind nor a pattern`, {
    hint: `kinds: ${REDACTION_KINDS.join(", ")}; patterns: /…/ with flags of i, m, s, u`,
    cause,
  });
}
