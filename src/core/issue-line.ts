/** @file What does not fit a schema, as one line of an error. */
import type { z } from "zod";

/**
 * Place and message of the first issue: "candidates.0.reward: expected number".
 * @param whole - stands for the place where the value as a whole is wrong
 */
export function issueLine(
  { issues }: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
  whole = "content",
): string {
  const [issue] = issues;
  return `${issue?.path.map(String).join(".") || whole}: ${issue?.message}`;
}

/** The issue that is told: a misspelt key explains the missing one beside it. */
export function firstIssue({ issues }: { issues: readonly z.core.$ZodIssue[] }): z.core.$ZodIssue {
  const issue = (issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]) as z.core.$ZodIssue;
  if (issue.code !== "invalid_union") return issue;
  // The alternative that the value was meant for is wrong inside; the others do not take its kind.
  const meant = issue.errors.find((inner) => inner.some(isInside));
  if (meant === undefined) return issue;
  const found = firstIssue({ issues: meant });
  return { ...found, path: [...issue.path, ...found.path] };
}

function isInside({ path, code }: z.core.$ZodIssue): boolean {
  return path.length > 0 || code === "unrecognized_keys";
}

/** Member of nested objects and lists at a path; undefined where there is none. */
export function memberAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((member, key) => {
    const isThere = typeof member === "object" && member !== null && Object.hasOwn(member, key);
    return isThere ? (member as Record<PropertyKey, unknown>)[key] : undefined;
  }, value);
}
