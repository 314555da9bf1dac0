/** @file What a suite file may say: tasks, rows, and what is compared. */
import { z } from "zod";
import { between, flag, oneOf, text, whole } from "../../config/config-fields.js";
import { suiteDesignSchema } from "../../records/suite-design.js";
import { SWAP_KINDS } from "../../tasks/counterfactual.js";

const name = text("a name", 80);
const hash = z
  .string({ error: "must be a hash" })
  .regex(/^[0-9a-f]{64}$/, { error: "must be 64 hex digits" });
const list = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item, { error: `must be a list of ${what}` });
const metaKey = text("a key of meta", 100);

const taskSchema = z.preprocess(
  (value) => (typeof value === "string" ? { task: value } : value),
  z.strictObject(
    {
      task: text("a dataset name or folder"),
      limit: whole(1, 1_000_000).optional(),
      groups: list(metaKey, "keys of meta").optional(),
      optional: flag().default(false),
      hash: hash.optional(),
    },
    { error: "must be a task name, or a map with the key task" },
  ),
);

/** Workflow that a policy designed when the suite was first run: a local model does not write the same twice on every machine. */
const designSchema = suiteDesignSchema.omit({ row: true });

const policySchema = z.strictObject(
  {
    model: text("a model name or file").optional(),
    adapter: text("a file").optional(),
    episodes: whole(1, 1000).default(1),
    turns: whole(1, 50).default(1),
    candidates: whole(1, 64).default(5),
    temperature: between(0, 2).default(0.8),
    explore: between(0, 1).default(0),
    modelHash: hash.optional(),
    adapterHash: hash.optional(),
    designs: list(designSchema, "designs").optional(),
  },
  { error: "must be a map, such as { adapter: FILE, episodes: 1, candidates: 5 }" },
);

/** Keys of which a row has exactly one: where its workflow comes from. */
export const ROW_SOURCES = ["baseline", "workflow", "run", "source", "policy"] as const;

const rowSchema = z.preprocess(
  (value) => (typeof value === "string" ? { baseline: value } : value),
  z
    .strictObject(
      {
        name: name.optional(),
        baseline: name.optional(),
        workflow: text("a .js file").optional(),
        run: text("a run directory").optional(),
        source: z.string({ error: "must be the source of a workflow" }).min(1).max(1_000_000).optional(),
        policy: policySchema.optional(),
        optional: flag().default(false),
      },
      { error: "must be the name of a baseline, or a map" },
    )
    .superRefine((row, context) => {
      const given = ROW_SOURCES.filter((key) => row[key] !== undefined);
      if (given.length !== 1) {
        const what = given.length === 0 ? "none" : given.join(" and ");
        context.addIssue({
          code: "custom",
          message: `must have exactly one of ${ROW_SOURCES.join(", ")}; it has ${what}`,
        });
      }
      if ((row.source ?? row.policy) !== undefined && row.name === undefined) {
        context.addIssue({ code: "custom", message: "needs a name" });
      }
    }),
);

const counterfactualSchema = z.strictObject(
  {
    items: whole(0, 100_000).default(20),
    swaps: list(oneOf(SWAP_KINDS), "kinds of swaps")
      .min(1)
      .default([...SWAP_KINDS]),
  },
  { error: "must be a map, such as { items: 20 }" },
);

const judgeSchema = z.strictObject(
  {
    model: text("executor, or an alias of settings.executors"),
    items: whole(1, 10_000).default(20),
  },
  { error: "must be a map, such as { model: ALIAS, items: 20 }" },
);

/** A suite. Default of every key: docs/evaluation.md. */
export const suiteSchema = z.strictObject({
  version: z.literal(1, { error: "must be 1" }).default(1),
  name: text("a name", 60).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
    error: "must be a name of letters, digits, dots, dashes and underscores",
  }),
  settings: z.record(z.string(), z.unknown(), { error: "must be a map of settings" }).default({}),
  split: oneOf(["validation", "test"]).default("test"),
  limit: whole(1, 1_000_000).default(40),
  tasks: list(taskSchema, "tasks").min(1, { error: "must name at least one task" }),
  rows: list(rowSchema, "rows").min(1, { error: "must have at least one row" }),
  reference: name.optional(),
  comparisons: oneOf(["reference", "all"]).default("reference"),
  reliance: oneOf(["cooperative", "all", "none"]).default("cooperative"),
  groups: list(metaKey, "keys of meta").default([]),
  counterfactual: counterfactualSchema.prefault({ items: 0 }),
  judge: judgeSchema.optional(),
});

export type Suite = z.output<typeof suiteSchema>;
export type SuiteInput = z.input<typeof suiteSchema>;
export type SuiteTask = Suite["tasks"][number];
export type SuiteRow = Suite["rows"][number];
export type SuitePolicy = NonNullable<SuiteRow["policy"]>;
