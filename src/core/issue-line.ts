/** @file What does not fit a schema, as one line of an error. */

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
