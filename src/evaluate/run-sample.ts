/** @file One workflow on one item: a single run for a question, one run for every control step of a play. */
import { seedFrom } from "../core/hash.js";
import type { Sample, Score, Scorer } from "../tasks/task.js";
import { visibleTask } from "../tasks/visible-task.js";
import type { AgentHost, Sandbox, SandboxLimits, WorkflowRun } from "../workflow/workflow-run.js";
import type { UsageByRole } from "./workflow-agent.js";

/** Agent that answers calls and counts them. */
export type CountingAgent = AgentHost & { readonly usage: ReadonlyMap<string, UsageByRole> };

export interface SampleRun extends WorkflowRun {
  /** Absent where the workflow failed. */
  score?: Score | undefined;
}

export interface RunSampleOptions {
  sandbox: Sandbox;
  scorer: Scorer;
  agent: CountingAgent;
  seed: number;
  /** Limits of each run of the workflow, so of each control step. */
  limits?: Partial<SandboxLimits> | undefined;
  signal?: AbortSignal | undefined;
  /** Called before a run with what it is about: the item, or the view of a control step. */
  onSample?: ((sample: Sample) => void) | undefined;
}

/** @throws only for outages and aborts, never for what the workflow does. */
export async function runSample(
  source: string,
  sample: Sample,
  options: RunSampleOptions,
): Promise<SampleRun> {
  const { scorer, seed } = options;
  if (scorer.play) return await playRobot(source, sample, options);
  const run = await runOnce(source, sample, options, seed);
  if (run.status !== "ok") return run;
  const isCut = options.agent.isCut?.(run.answer);
  return { ...run, score: await scorer.score(run.answer, sample, isCut) };
}

/**
 * The workflow is called anew for every view and keeps nothing between two of them; the first failing call ends it.
 * The answer is the list of all answers; log and calls are those of all runs.
 */
async function playRobot(source: string, sample: Sample, options: RunSampleOptions): Promise<SampleRun> {
  const { scorer, agent, seed, limits } = options;
  const play = scorer.play!(sample);
  const answers: unknown[] = [];
  const calls: Record<string, number> = {};
  let [log, wallMs] = ["", 0];
  for (let view = play.view(); view; view = play.view()) {
    const step = answers.length + 1;
    const run = await runOnce(source, view, options, seedFrom(seed, "step", step));
    wallMs += run.wallMs;
    for (const [name, count] of Object.entries(run.calls)) calls[name] = (calls[name] ?? 0) + count;
    log = `${log}${run.log}`.slice(0, limits?.logBytes ?? LOG_CHARACTERS);
    if (run.status !== "ok") {
      return { ...run, error: `step ${step}: ${run.error ?? run.status}`, log, calls, wallMs };
    }
    answers.push(run.answer);
    play.act(run.answer);
  }
  const used = [...agent.usage.values()].reduce((sum, usage) => sum + usage.calls, 0);
  return { status: "ok", answer: answers, log, calls, wallMs, score: play.score(used) };
}

const LOG_CHARACTERS = 65_536;

async function runOnce(
  source: string,
  sample: Sample,
  { sandbox, agent, limits, signal, onSample }: RunSampleOptions,
  seed: number,
): Promise<WorkflowRun> {
  onSample?.(sample);
  return await sandbox.run(source, visibleTask(sample), agent, {
    seed,
    limits,
    signal,
  });
}
