/** @file From a question to its answer: budget, place in the queue, run of the workflow, record of what it used. */
import { randomUUID } from "node:crypto";
import PQueue from "p-queue";
import type { ServeConfig } from "../config/serve-schema.js";
import type { Spending } from "../core/budget.js";
import { messageOf } from "../core/errors.js";
import { inThisSpan } from "../core/telemetry/spans.js";
import type { WorkflowAnswer, WorkflowRunner } from "../evaluate/workflow-runner.js";
import { linkedController, onAbort, orAborted } from "../llm/clock.js";
import type { VisibleTask } from "../tasks/task.js";
import { ApiError, asApiError, failedWorkflow, operatorLine } from "./api-error.js";
import { type AskedQuestion, answerText, taskOf } from "./asked-question.js";
import type { DayBudgets } from "./day-budgets.js";
import type { RequestLog } from "./request-log.js";
import type { ServeMetrics } from "./serve-metrics.js";
import { type ServedAnswer, usedOf } from "./served-answer.js";
import type { ServedWorkflow, ServedWorkflows } from "./served-workflows.js";

export interface AnsweringParts {
  config: Pick<ServeConfig, "queue" | "timeoutMs" | "question" | "context">;
  /** Runs at once. */
  concurrency: number;
  /** Whether equal questions share replies: where they are kept on disk, or recorded. */
  isSharing: boolean;
  runner: Pick<WorkflowRunner, "run">;
  workflows: ServedWorkflows;
  budgets: DayBudgets;
  metrics: ServeMetrics;
  log: RequestLog | undefined;
  onWarning: (message: string) => void;
}

/** A question that was accepted. */
export interface Opened {
  opening: Pick<ServedAnswer, "id" | "model" | "created">;
  /** Rejects with {ApiError}, or with the signal's reason where the client went away. */
  answer: Promise<ServedAnswer>;
}

/** Seconds a run is taken to last before one has ended. */
const FIRST_GUESS_S = 5;

export class Answering {
  readonly #parts: AnsweringParts;
  readonly #queue: PQueue;
  readonly #stop = new AbortController();
  #isStopping = false;
  /** Accepted and not ended. */
  #open = 0;
  #onIdle: (() => void)[] = [];
  /** Seconds that runs take, the latest counting most. */
  #pace = FIRST_GUESS_S;
  #asked = 0;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
    this.#queue = new PQueue({ concurrency: parts.concurrency });
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Requests at work, and those that wait. */
  get load(): { running: number; waiting: number } {
    const running = this.#queue.pending;
    return { running, waiting: Math.max(0, this.#open - running) };
  }

  /**
   * Accepts a question, or refuses it at once.
   * @param key - name of the key; undefined where there are no keys
   * @param gone - aborted when the client goes away
   * @throws {ApiError} 400 where there is nothing to answer, 404 on an unknown model, 429 with a full queue, 503 while stopping
   */
  open(asked: AskedQuestion, key: string | undefined, gone: AbortSignal): Opened {
    const { config, concurrency, workflows } = this.#parts;
    if (this.#isStopping)
      throw new ApiError(503, "stopping", "the server is being stopped", { retryAfter: 1 });
    const workflow = workflows.find(asked.model);
    if (!workflow) throw unknownModel(asked.model, workflows);
    const task = taskOf(asked.messages, config);
    if (this.#open >= concurrency + config.queue) {
      const seconds = (this.#open / concurrency) * this.#pace;
      const message = `${config.queue} requests wait already`;
      throw new ApiError(429, "queue_full", message, { retryAfter: Math.min(seconds, 60) });
    }
    const opening = {
      id: randomUUID().replaceAll("-", ""),
      model: workflow.name,
      created: Math.floor(Date.now() / 1000),
    };
    return { opening, answer: this.#answer({ asked, key, gone, task, opening }) };
  }

  /** Nothing new is accepted; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#open > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Gives up what still runs. */
  stopNow(): void {
    this.#stop.abort(new ApiError(503, "stopping", "the server was stopped", { retryAfter: 1 }));
  }

  async #answer(request: Accepted): Promise<ServedAnswer> {
    const { asked, key, gone } = request;
    const { config, budgets, metrics, workflows } = this.#parts;
    const startedAt = performance.now();
    const { controller, unlink } = linkedController(this.#stop.signal);
    const { signal } = controller;
    const unlinkGone = onAbort(gone, () => controller.abort(clientGone()));
    const timer = setTimeout(() => controller.abort(tooLate(config.timeoutMs)), config.timeoutMs);
    const spent: Required<Spending> = { calls: 0, tokens: 0, dollars: 0 };
    let workflow = workflows.find(asked.model)!;
    this.#open++;
    try {
      const account = await orAborted(budgets.open(key, signal), signal);
      try {
        const run = await this.#queue.add(
          inThisSpan(async () => {
            // The version of now: it may have changed while the request waited.
            workflow = workflows.find(asked.model) ?? workflow;
            return await this.#run(workflow, request, signal, (paid) => {
              account.pay(paid);
              for (const kind of ["calls", "tokens", "dollars"] as const) spent[kind] += paid[kind] ?? 0;
            });
          }),
          { signal },
        );
        const answer = toAnswer(run!, workflow, request);
        metrics.used(answer);
        if (run!.status !== "ok") throw failedWorkflow(run!.status, run!.error);
        this.#ended(request, { workflow, startedAt, spent, answer: answer.text });
        return answer;
      } finally {
        account.close();
      }
    } catch (error) {
      // What ends a run from outside says why.
      const failure = asApiError(signal.aborted ? signal.reason : error);
      this.#ended(request, { workflow, startedAt, spent, failure });
      throw failure;
    } finally {
      clearTimeout(timer);
      unlink();
      unlinkGone();
      this.#open--;
      if (this.#open === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    }
  }

  async #run(
    { source, parts }: ServedWorkflow,
    { asked, task }: Accepted,
    signal: AbortSignal,
    onPaid: (spent: Spending) => void,
  ): Promise<WorkflowAnswer> {
    const startedAt = performance.now();
    // Nobody who asks again wants the old reply, unless replies are kept on purpose; then a seed asks for fresh ones.
    const epoch = asked.seed ?? (this.#parts.isSharing ? 0 : ++this.#asked);
    const run = await this.#parts.runner.run(source, task, { signal, epoch, parts, onPaid });
    this.#pace += ((performance.now() - startedAt) / 1000 - this.#pace) / 8;
    return run;
  }

  #ended(
    { key, task, opening }: Accepted,
    end: {
      workflow: ServedWorkflow;
      startedAt: number;
      spent: Spending;
      answer?: string | undefined;
      failure?: ApiError | undefined;
    },
  ): void {
    const { budgets, metrics, log, onWarning } = this.#parts;
    const { workflow, spent, answer, failure } = end;
    const milliseconds = Math.round(performance.now() - end.startedAt);
    metrics.ended(workflow.name, failure?.status ?? 200, milliseconds / 1000);
    if (failure && failure.status >= 500)
      onWarning(`${opening.id} ${workflow.name} ${operatorLine(failure)}`);
    try {
      log?.add(budgets.date, {
        ...{ key, model: workflow.name, workflow: workflow.hash, spent, milliseconds, answer },
        question: task.question,
        context: task.context,
        error: failure?.code,
      });
    } catch (error) {
      // A full disk must not cost anybody an answer that was paid.
      onWarning(messageOf(error));
    }
  }
}

interface Accepted {
  asked: AskedQuestion;
  key: string | undefined;
  gone: AbortSignal;
  task: Omit<VisibleTask, "id">;
  opening: Opened["opening"];
}

function toAnswer(run: WorkflowAnswer, workflow: ServedWorkflow, { asked, opening }: Accepted): ServedAnswer {
  return {
    ...opening,
    text: answerText(run.answer, asked.stops),
    used: usedOf(run.usage),
    workflow: workflow.hash,
    calls: run.calls,
    models: run.usage,
    tools: run.tools,
    wallMs: run.wallMs,
  };
}

function unknownModel(name: string | undefined, workflows: ServedWorkflows): ApiError {
  const known = workflows.list().map((workflow) => workflow.name);
  if (name === undefined) {
    const message = `model is missing; there are ${known.join(", ")}`;
    return new ApiError(400, "missing_model", message, { param: "model" });
  }
  const message = `there is no model ${JSON.stringify(name.slice(0, 80))}; known: ${known.join(", ")}`;
  return new ApiError(404, "model_not_found", message, { param: "model" });
}

/** Nobody gets it; 499 is what proxies note for it. */
function clientGone(): ApiError {
  return new ApiError(499, "client_gone", "the client went away");
}

function tooLate(ms: number): ApiError {
  return new ApiError(504, "timeout", `no answer within ${ms} ms`);
}
