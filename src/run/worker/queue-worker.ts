/** @file A worker: takes batches of the runs it can do, and refuses the others with the reason. */
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import PQueue from "p-queue";
import type { RunConfig } from "../../config/run-config.js";
import { CloseStack } from "../../core/close-stack.js";
import { ModelCallError, messageOf, W4sError } from "../../core/errors.js";
import { packageVersion } from "../../core/package-file.js";
import { LocalModels, type ResolveModelFile } from "../../evaluate/local-models.js";
import { OpenModels } from "../../evaluate/open-models.js";
import { QueueConnection } from "../../evaluate/queue/queue-connection.js";
import { aliveKey, OPEN_PLANS, runKeys, workerKey } from "../../evaluate/queue/queue-keys.js";
import { readPlan } from "../../evaluate/queue/queue-plan.js";
import { unseal } from "../../evaluate/queue/seal.js";
import { MAX_SANDBOX_PROCESSES } from "../../evaluate/workflow-runner.js";
import { PythonSandbox } from "../../workflow/python/python-sandbox.js";
import { QuickJsSandbox } from "../../workflow/sandbox/quickjs-sandbox.js";
import { PROGRAM_LIMITS } from "../task-opener.js";
import type { WorkerConfig, WorkerEquipment } from "./open-plan.js";
import { TakenPlan } from "./taken-plan.js";

export interface WorkerOptions {
  url: string;
  /** Default: host and process. */
  name?: string | undefined;
  /** Takes jobs with Python. Default true. */
  hasPython?: boolean | undefined;
  /** Secret that runs must share. Default none. */
  token?: string | undefined;
  /** Ends after this time without work. Default: never. */
  idleMs?: number | undefined;
  /** Time without a word after which this worker is taken for dead, and others do its work. Default 30 s. */
  lockMs?: number | undefined;
  resolveModelFile?: ResolveModelFile | undefined;
  onNotice: (message: string) => void;
  /** Finishes the samples in hand. */
  stopSignal: AbortSignal;
  /** Gives them up. */
  signal: AbortSignal;
}

/** Longer than a busy machine stands still; a shorter one lets calls be made twice. */
const LOCK_MS = 30_000;
/** How often it is looked for new runs, and for those that ended. */
const LOOK_MS = 500;
/** A run that was refused because a model did not answer is looked at again after this time. */
const RETRY_MS = 30_000;
/** A worker that says nothing for this long is gone. */
const ALIVE_SECONDS = 15;

/** What one worker can do, as it says in the queue. */
export interface WorkerCard {
  name: string;
  version: string;
  host: string;
  pid: number;
  /** Name here → id. */
  models: Record<string, string>;
  hasPython: boolean;
  concurrency: number;
}

/** Jobs and results of a worker's whole life. */
export interface WorkerResult {
  name: string;
  batches: number;
  jobs: number;
}

export class QueueWorker {
  readonly card: WorkerCard;
  readonly #connection: QueueConnection;
  readonly #options: WorkerOptions;
  readonly #equipment: WorkerEquipment;
  readonly #closing: CloseStack;
  /** By member of the open plans; a refused one is null. */
  readonly #plans = new Map<string, TakenPlan | null>();
  readonly #done = { batches: 0, jobs: 0 };
  #workedAt = performance.now();

  private constructor(
    connection: QueueConnection,
    options: WorkerOptions,
    equipment: WorkerEquipment,
    card: WorkerCard,
    closing: CloseStack,
  ) {
    this.card = card;
    this.#connection = connection;
    this.#options = options;
    this.#equipment = equipment;
    this.#closing = closing;
  }

  /**
   * Connects and opens the models; takes nothing yet.
   * @throws as QueueConnection.open() and OpenModels.open()
   */
  static async open(
    config: WorkerConfig & Pick<RunConfig, "limits">,
    options: WorkerOptions,
  ): Promise<QueueWorker> {
    const closing = new CloseStack();
    const { hasPython = true, onNotice, token, signal } = options;
    try {
      const onWarning = (message: string) => onNotice(`warning: ${message}`);
      const connection = await QueueConnection.open(options.url, { onWarning });
      closing.add(() => connection.close());
      const local = new LocalModels(config, options.resolveModelFile);
      closing.add(() => local[Symbol.asyncDispose]());
      const opened = await OpenModels.open(config, local, onWarning);
      closing.add(() => opened[Symbol.asyncDispose]());
      const processes = Math.min(config.concurrency, MAX_SANDBOX_PROCESSES);
      const sandbox = new QuickJsSandbox({ processes, limits: config.limits });
      closing.add(() => sandbox.close());
      const programs = hasPython ? new PythonSandbox({ limits: PROGRAM_LIMITS }) : undefined;
      closing.add(() => programs?.close());
      const { concurrency } = config;
      const equipment: WorkerEquipment = {
        ...{ config, local, sandbox, programs, signal },
        queue: new PQueue({ concurrency }),
        runsTools: token !== undefined,
      };
      const card: WorkerCard = {
        name: options.name ?? `${hostname()}-${process.pid}`,
        version: packageVersion(),
        ...{ host: hostname(), pid: process.pid, hasPython, concurrency },
        models: Object.fromEntries([
          ["executor", opened.executor.model.id],
          ...[...opened.aliases].map(([alias, { model }]) => [alias, model.id]),
          ...(opened.weak ? [["weak", opened.weak.model.id]] : []),
        ]),
      };
      return new QueueWorker(connection, options, equipment, card, closing);
    } catch (error) {
      await closing.close().catch(() => {});
      throw error;
    }
  }

  /** Works until it is asked to stop, or has been idle for long enough. */
  async work(): Promise<WorkerResult> {
    const { stopSignal, idleMs = Number.POSITIVE_INFINITY } = this.#options;
    for (; !stopSignal.aborted; ) {
      await this.#look();
      const isWorking = [...this.#plans.values()].some((plan) => plan?.isWorking);
      if (isWorking) this.#workedAt = performance.now();
      else if (performance.now() - this.#workedAt > idleMs) break;
      await wait(LOOK_MS, undefined, { signal: stopSignal }).catch(() => {});
    }
    await Promise.all([...this.#plans.values()].map((plan) => plan?.close()));
    this.#plans.clear();
    return { name: this.card.name, ...this.#done };
  }

  /** Takes what is new, and leaves what is over. */
  async #look(): Promise<void> {
    const members = await this.#connection.patiently(async (redis) => {
      await redis.set(workerKey(this.card.name), JSON.stringify(this.card), "EX", ALIVE_SECONDS);
      const all = await redis.smembers(OPEN_PLANS);
      const alive = await Promise.all(all.map((member) => redis.exists(aliveKey(member))));
      for (const [index, member] of all.entries())
        if (alive[index] === 0 && (await redis.exists(runKeys(member.split(" ")[0] ?? "").plans)) === 0)
          await redis.srem(OPEN_PLANS, member);
      return all.filter((_, index) => alive[index] === 1);
    });
    const open = new Set(members);
    for (const [member, plan] of [...this.#plans]) {
      if (open.has(member)) continue;
      this.#plans.delete(member);
      await plan?.close();
    }
    for (const member of members)
      if (!this.#plans.has(member) && !this.#options.stopSignal.aborted) await this.#consider(member);
  }

  async #consider(member: string): Promise<void> {
    const [run = "", plan = ""] = member.split(" ");
    const { onNotice, token, lockMs = LOCK_MS } = this.#options;
    const sealed = await this.#connection.patiently((redis) => redis.hget(runKeys(run).plans, plan));
    // It is being opened, or was closed meanwhile.
    if (sealed === null) return;
    try {
      const text = unseal(sealed, token);
      if (text === undefined)
        throw new Error("its secret (W4S_QUEUE_TOKEN) is not the one here, or only one side has one");
      const content = readPlan(text);
      const taken = await TakenPlan.open(content, plan, this.#connection, this.#equipment, {
        ...{ token, onNotice, lockMs, worker: this.card.name, signal: this.#options.signal },
        onBatch: (jobs) => {
          this.#done.batches++;
          this.#done.jobs += jobs;
        },
      });
      this.#plans.set(member, taken);
      onNotice(`takes ${content.task} of run ${run}`);
      await this.#answer(run, plan, null);
    } catch (error) {
      this.#plans.set(member, null);
      // A server that did not answer may do so later; all else stays as it is.
      if (error instanceof ModelCallError) setTimeout(() => this.#plans.delete(member), RETRY_MS).unref();
      const hint = W4sError.is(error) && error.hint !== undefined ? ` (${error.hint})` : "";
      const refusal = `${messageOf(error)}${hint}`;
      onNotice(`refuses run ${run}: ${refusal}`);
      await this.#answer(run, plan, refusal);
    }
  }

  async #answer(run: string, plan: string, refusal: string | null): Promise<void> {
    const answer = JSON.stringify({ plan, worker: this.card.name, refusal });
    await this.#connection.patiently((redis) =>
      redis.hset(runKeys(run).answers, `${plan} ${this.card.name}`, answer),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.redis.del(workerKey(this.card.name)).catch(() => 0);
    await this.#closing.close();
  }
}
