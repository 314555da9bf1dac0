/** @file What a program hands to a run beside its configuration. */
import type { Policy } from "../design/policy.js";
import type { AskApproval } from "../evaluate/approval.js";
import type { JobRunner } from "../evaluate/evaluation.js";
import type { ResolveModelFile } from "../evaluate/local-models.js";
import type { OnRunEvent } from "../records/run-event.js";
import type { Task } from "../tasks/task.js";
import type { Tool, ToolSet } from "../workflow/tool.js";

/** Additions of a program to a run: progress, signals, model files, policy, tools. */
export interface RunHooks {
  /** Listener for what happens, as events.jsonl has it. */
  onEvent?: OnRunEvent | undefined;
  /** Hard stop: what is in flight is given up. */
  signal?: AbortSignal | undefined;
  /** Graceful stop: nothing new starts, what is in flight finishes and is stored. */
  stopSignal?: AbortSignal | undefined;
  /** From a model's name to its file. Default: names are paths. */
  resolveModelFile?: ResolveModelFile | undefined;
  /** Asks a person before a newly designed workflow first runs against a paid executor; needs `approve` in the configuration. */
  approve?: AskApproval | undefined;
  /** A meta-agent of one's own instead of the local model. */
  policy?: Policy | undefined;
  /** Own tools instead of the module of `tools` in the configuration. */
  tools?: readonly Tool[] | ToolSet | undefined;
  /** Runs jobs elsewhere. Default: in sandboxes on this machine. */
  runner?: ((task: Task) => JobRunner) | undefined;
}
