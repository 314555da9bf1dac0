/** @file A suite made whole: datasets opened, workflows read in, hashes noted or compared, so that one file repeats it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { RunConfig } from "../../config/run-config.js";
import { ConfigError, InputError, messageOf } from "../../core/errors.js";
import { cachedFileHash } from "../../core/file-hash.js";
import { nearHint } from "../../core/near-names.js";
import { isCalled } from "../../evaluate/baselines/baseline.js";
import { knownBaselines } from "../../evaluate/baselines/named-baselines.js";
import type { ResolveModelFile } from "../../evaluate/local-models.js";
import { weakFile } from "../../evaluate/open-models.js";
import { type LoadTaskOptions, loadTask } from "../../tasks/load-task.js";
import type { Task } from "../../tasks/task.js";
import { rowName } from "./load-suite.js";
import { type Suite, type SuiteRow, type SuiteTask, suiteSchema } from "./suite-schema.js";

export interface OpenedTask {
  spec: SuiteTask;
  task: Task;
}

export interface ResolvedSuite {
  /** Self-contained: sources in it, hashes of all that lies outside. */
  suite: Suite;
  tasks: OpenedTask[];
  /** Notices of what was left out, and why. */
  notices: string[];
}

type SuiteModels = Pick<RunConfig, "executor" | "weak" | "model">;

/**
 * Opens what a suite names.
 * @param suite - with the settings of the run
 * @throws {InputError} on a dataset, workflow or adapter that is missing or not the one its hash says
 * @throws {ConfigError} where the executor cannot answer a task
 */
export async function resolveSuite(
  suite: Suite,
  config: SuiteModels,
  tools: LoadTaskOptions,
  hooks: { resolveModelFile: ResolveModelFile },
): Promise<ResolvedSuite> {
  const notices: string[] = [];
  const tasks: OpenedTask[] = [];
  for (const spec of suite.tasks) {
    const task = await openTaskOf(spec, config, tools, notices);
    if (task !== undefined) tasks.push({ spec: { ...spec, hash: task.hash, optional: false }, task });
  }
  if (tasks.length === 0) {
    throw new InputError(`suite ${suite.name}: none of its tasks is there`, {
      code: "bad-suite",
      hint: "name datasets that w4s data list shows, or folders in W4S_DATASETS",
    });
  }
  const rows: SuiteRow[] = [];
  for (const row of suite.rows) {
    const resolved = await resolveRow(row, suite, config, hooks);
    if (asksWeak(resolved) && weakFile(config) === undefined) {
      const name = rowName(resolved);
      if (!row.optional || name === suite.reference) {
        throw new ConfigError(`row ${name} calls agent.weak, and there is no weak model`, {
          hint: "name one with --weak (local:NAME, or simulated) or --model, remove the row, or mark it optional: true",
        });
      }
      notices.push(`row ${name} is left out: it calls agent.weak, and there is no weak model (--weak)`);
      continue;
    }
    rows.push({ ...resolved, optional: false });
  }
  const whole = { ...suite, tasks: tasks.map(({ spec }) => spec), rows };
  // Read as from a file, so that its keys stand in one order wherever they came from.
  return { suite: suiteSchema.parse(whole), tasks, notices };
}

async function openTaskOf(
  spec: SuiteTask,
  config: Pick<RunConfig, "executor" | "weak">,
  tools: LoadTaskOptions,
  notices: string[],
): Promise<Task | undefined> {
  let task: Task;
  try {
    task = await loadTask(spec.task, tools);
  } catch (error) {
    if (!(spec.optional && error instanceof InputError && error.code === "unknown-dataset")) throw error;
    notices.push(`task ${spec.task} is left out: there is no such dataset here`);
    return undefined;
  }
  if (spec.hash !== undefined && spec.hash !== task.hash) {
    throw new InputError(`task ${spec.task} is not the one of the suite: its content has changed`, {
      code: "changed-input",
      hint: "take the dataset the suite was run on, or remove the hash to evaluate on this one",
    });
  }
  const isSimulated = (spec: string | undefined) => spec?.split(":")[0] === "simulated";
  if ((isSimulated(config.executor) || isSimulated(config.weak)) && task.family === undefined) {
    const which = isSimulated(config.executor) ? "executor" : "weak model";
    const why = `the simulated ${which} solves generated families only`;
    if (!spec.optional) {
      throw new ConfigError(`task ${spec.task}: ${why}`, {
        hint: "name a real one, remove the task, or mark it optional: true",
      });
    }
    notices.push(`task ${spec.task} is left out: ${why}`);
    return undefined;
  }
  return task;
}

async function resolveRow(
  row: SuiteRow,
  suite: Suite,
  config: Pick<RunConfig, "model">,
  { resolveModelFile }: { resolveModelFile: ResolveModelFile },
): Promise<SuiteRow> {
  if (row.baseline !== undefined) {
    checkBaseline(row.baseline, suite);
    return { ...row, name: row.name ?? row.baseline };
  }
  if (row.workflow !== undefined || row.run !== undefined) {
    const path = row.workflow ?? join(row.run ?? "", "best-workflow.js");
    return { name: row.name ?? path, source: readSource(path, row), optional: row.optional };
  }
  if (row.policy === undefined) return row;
  const model = row.policy.model ?? config.model;
  if (model === undefined) {
    throw new ConfigError(`row ${row.name}: no weak model was named`, {
      hint: "give the policy a model, or add --model NAME|FILE (w4s models list)",
    });
  }
  const { adapter } = row.policy;
  if (adapter !== undefined && !existsSync(adapter)) {
    throw new InputError(`row ${row.name}: there is no adapter ${adapter}`, {
      hint: "name a GGUF adapter, such as one of a run's rounds/",
    });
  }
  const modelHash = await cachedFileHash(await resolveModelFile(model));
  const adapterHash = adapter === undefined ? undefined : await cachedFileHash(adapter);
  refuseChange(row, "model", row.policy.modelHash, modelHash);
  refuseChange(row, "adapter", row.policy.adapterHash, adapterHash);
  return {
    ...row,
    policy: { ...row.policy, model, modelHash, adapterHash },
  };
}

function refuseChange(row: SuiteRow, what: string, known: string | undefined, now: string | undefined): void {
  if (known === undefined || known === now) return;
  throw new InputError(`row ${row.name}: the ${what} is not the one of the suite: its content has changed`, {
    code: "changed-input",
    hint: `take the ${what} the suite was run with, or remove its hash to evaluate this one`,
  });
}

function asksWeak({ source, baseline }: SuiteRow): boolean {
  const known = source ?? ALL_BASELINES.find((one) => isCalled(one, baseline ?? ""))?.source;
  return known?.includes("agent.weak.") === true;
}

const ALL_BASELINES = knownBaselines();

function checkBaseline(baseline: string, suite: Suite): void {
  if (ALL_BASELINES.some((one) => isCalled(one, baseline))) return;
  const known = new Set(ALL_BASELINES.map(({ name }) => name));
  throw new InputError(`suite ${suite.name}: no baseline is called ${JSON.stringify(baseline)}`, {
    code: "bad-suite",
    hint: nearHint(baseline, known),
  });
}

function readSource(path: string, row: SuiteRow): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const what = row.run === undefined ? "workflow" : "best workflow of the run";
    throw new InputError(`row ${row.name ?? path}: cannot read the ${what} ${path}: ${messageOf(error)}`, {
      hint:
        row.run === undefined
          ? "name a .js file"
          : "name a run directory that optimize or learn has finished",
      cause: error,
    });
  }
}

/** The suite as a file that gives the same table again. */
export function suiteText(suite: Suite): string {
  return `# Written by w4s eval --suite: running this file gives the same table.\n${stringify(suite, { lineWidth: 0 })}`;
}
