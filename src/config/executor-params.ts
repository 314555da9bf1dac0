/** @file `params`: what is sent to an executor's server as it is, and how records show it. */
import { z } from "zod";

/** Members that w4s sets itself, with the setting that decides them. */
const OWN: Readonly<Record<string, string>> = {
  model: "executorModel",
  messages: "a workflow",
  n: "a workflow",
  stream: "stream",
  max_tokens: "maxTokens",
  max_completion_tokens: "maxTokens",
};

const texts = z.record(z.string(), z.string(), { error: "must be a map of texts" });
const CHECKED = z.looseObject({
  headers: texts.optional(),
  extra_body: z.record(z.string(), z.unknown(), { error: "must be a map" }).optional(),
  organization: z.string({ error: "must be a text" }).optional(),
  project: z.string({ error: "must be a text" }).optional(),
});

export type ExecutorParams = z.infer<typeof CHECKED>;

export const executorParams = z
  .record(z.string(), z.unknown(), { error: "must be a map" })
  .superRefine((params, context) => {
    for (const issue of CHECKED.safeParse(params).error?.issues ?? [])
      context.addIssue({ code: "custom", message: issue.message, path: issue.path });
    const { extra_body } = params as ExecutorParams;
    const own = Object.keys({ ...params, ...extra_body }).find((key) => Object.hasOwn(OWN, key));
    if (own !== undefined) {
      const message = `must not hold ${own}, which ${OWN[own]} decides`;
      context.addIssue({ code: "custom", message });
    }
  });

type WithParams = { params?: Record<string, unknown> | undefined };

/** Configuration as records hold it: the values of headers, which may be keys, are left out. */
export function withoutHeaderValues<T extends WithParams & { executors: Record<string, WithParams> }>(
  config: T,
): T {
  const hidden = <P extends WithParams>(part: P): P => {
    const { headers } = (part.params ?? {}) as ExecutorParams;
    if (headers === undefined) return part;
    const names = Object.keys(headers).map((name) => [name, "[redacted]"]);
    return { ...part, params: { ...part.params, headers: Object.fromEntries(names) } };
  };
  const executors = Object.entries(config.executors).map(([alias, entry]) => [alias, hidden(entry)]);
  return { ...hidden(config), executors: Object.fromEntries(executors) };
}
