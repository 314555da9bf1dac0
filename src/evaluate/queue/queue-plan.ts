/** @file What a run tells its workers of a task: models, limits, scorer, tools and rules, all but its items and workflows. */
import { z } from "zod";
import { withoutHeaderValues } from "../../config/executor-params.js";
import type { RunConfig } from "../../config/run-config.js";
import { InputError } from "../../core/errors.js";
import { hashJson } from "../../core/hash.js";
import { packageVersion } from "../../core/package-file.js";
import { METRICS } from "../../tasks/task.js";
import type { SettingsBasis } from "./settings-basis.js";

/** Changes with every form of plan, batch or note that an older version cannot read. */
export const QUEUE_PROTOCOL = 1;

const price = z.object({
  inputPerMillion: z.number(),
  outputPerMillion: z.number(),
  cachedInputPerMillion: z.number().optional(),
});

const modelSchema = z.object({
  /** Name under which replies are stored: it holds address and model. */
  id: z.string(),
  /** Over what else decides replies: parameters of its requests. */
  asked: z.string(),
  price: price.nullable(),
  /** In the ledger. */
  role: z.string(),
});
export type PlannedModel = z.infer<typeof modelSchema>;

const planSchema = z.object({
  protocol: z.literal(QUEUE_PROTOCOL),
  version: z.string(),
  run: z.string(),
  task: z.string(),
  executor: modelSchema,
  aliases: z.record(z.string(), modelSchema),
  weak: modelSchema.nullable(),
  judge: z.string().nullable(),
  seed: z.number(),
  maxTokens: z.number(),
  keepReplies: z.boolean(),
  wallMs: z.number(),
  limits: z.record(z.string(), z.number()),
  metric: z.enum(METRICS),
  metricOptions: z.record(z.string(), z.unknown()),
  /** Workflows may run Python here. */
  hasPrograms: z.boolean(),
  /** Rules as JSON, and the tools' module with its files: content hashes of artefacts. */
  rules: z.string().nullable(),
  tools: z.object({ module: z.string(), files: z.record(z.string(), z.string()) }).nullable(),
  /** What the names of results are made of; see settingsHash(). */
  basis: z.record(z.string(), z.unknown()),
  programsHash: z.string().nullable(),
});
export type QueuePlan = z.infer<typeof planSchema>;
/** A plan as the run makes it: `basis` by its own type. */
export type QueuePlanInput = Omit<QueuePlan, "basis"> & { basis: SettingsBasis };

/**
 * @throws {InputError} on another version of w4s, or of the form, named as the reason why a worker refuses
 */
export function readPlan(text: string): QueuePlan {
  const given = JSON.parse(text) as { protocol?: unknown; version?: unknown };
  const own = packageVersion();
  if (given.protocol !== QUEUE_PROTOCOL || given.version !== own)
    throw new InputError(`the run is of w4s ${String(given.version)}, this worker of ${own}`, {
      hint: "install the same version on both sides",
    });
  return planSchema.parse(given);
}

/** Hash over what decides the replies of a model beside its id; values of headers, which may be keys, are left out. */
export function askedHash(
  config: Pick<RunConfig, "params" | "executors" | "sendSeed">,
  alias?: string,
): string {
  const { params, sendSeed, executors } = withoutHeaderValues(config);
  const own = alias === undefined ? { params, sendSeed } : executors[alias];
  return hashJson([own?.params ?? null, own?.sendSeed ?? null]);
}
