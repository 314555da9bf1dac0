/** @file A connection to the Redis of a queue: the only door to bullmq and ioredis, loaded where a queue is named. */
import { setTimeout as wait } from "node:timers/promises";
import type { Job, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { QUEUE_PASSWORD_VARIABLE } from "../../config/queue-url.js";
import { ConfigError, messageOf, QueueError } from "../../core/errors.js";
import { checkServer } from "./check-server.js";
import { PREFIX } from "./queue-keys.js";
import { defineScripts, type QueueScripts } from "./queue-scripts.js";

type Driver = { bullmq: typeof import("bullmq"); Redis: typeof Redis };
export type BatchQueue = Queue<string>;
export type BatchWorker = Worker<string>;

/** Longest time to wait for the first connection. */
const CONNECT_MS = 5_000;
/** A connection that was lost is tried again this often. */
const RETRY_MS = 500;
/** Answers of a server that will be another soon: it reads its file, is full, or is being replaced. */
const PASSING = /^(LOADING|OOM|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|BUSY)\b/;
/** A batch whose worker died or stood still this often is handed out anew by the run. */
const MAX_STALLS = 3;

export interface ConnectionOptions {
  /** Time without the server after which every call fails. Default: none, calls wait. */
  patienceMs?: number | undefined;
  onWarning: (message: string) => void;
  env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Redis with our scripts. */
export type ScriptedRedis = Redis & QueueScripts;

export class QueueConnection {
  /** Without the user's name. */
  readonly place: string;
  readonly redis: ScriptedRedis;
  readonly #driver: Driver;
  readonly #options: ConnectionOptions;
  readonly #gone = new AbortController();
  #awayTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(place: string, redis: ScriptedRedis, driver: Driver, options: ConnectionOptions) {
    this.place = place;
    this.redis = redis;
    this.#driver = driver;
    this.#options = options;
    redis.on("close", () => this.#away());
    redis.on("ready", () => this.#back());
  }

  /**
   * Connects, and looks at what kind of server is there.
   * @throws {ConfigError} on a wrong password, an old server, one that forgets keys, and where the packages are missing
   * @throws {QueueError} where nothing answers
   */
  static async open(url: string, options: ConnectionOptions): Promise<QueueConnection> {
    const driver = await loadDriver();
    const { host } = new URL(url);
    const place = `${new URL(url).protocol}//${host}`;
    const password = (options.env ?? process.env)[QUEUE_PASSWORD_VARIABLE];
    let isOpen = false;
    const redis = new driver.Redis(url, {
      ...(password === undefined ? {} : { password }),
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      maxRetriesPerRequest: null,
      retryStrategy: () => (isOpen ? RETRY_MS : null),
    });
    let why: unknown;
    redis.on("error", (error) => {
      why = error;
    });
    try {
      await redis.connect();
      await checkServer(redis, place, options.onWarning);
    } catch (error) {
      redis.disconnect();
      throw explain(why ?? error, error, place, password !== undefined);
    }
    isOpen = true;
    return new QueueConnection(place, defineScripts(redis), driver, options);
  }

  /** Aborted, with a QueueError, once the server was away for longer than is waited. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Does something with the server, and again while its answer says that it will be another one soon.
   * @throws {QueueError} after the time that is waited
   */
  async patiently<T>(work: (redis: ScriptedRedis) => Promise<T>): Promise<T> {
    const { patienceMs = Number.POSITIVE_INFINITY, onWarning } = this.#options;
    const until = performance.now() + patienceMs;
    for (let isTold = false; ; isTold = true) {
      try {
        return await work(this.redis);
      } catch (error) {
        this.#gone.signal.throwIfAborted();
        const what = messageOf(error, 200);
        if (this.#isClosed || !PASSING.test(what)) throw error;
        if (performance.now() > until)
          throw new QueueError(`the queue at ${this.place} takes nothing: ${what}`, { hint: RESUME });
        if (!isTold) onWarning(`the queue at ${this.place} takes nothing for now: ${what}`);
        await wait(RETRY_MS);
      }
    }
  }

  /** The batches of a plan, as the run hands them out. */
  queue(name: string): BatchQueue {
    const { Queue } = this.#driver.bullmq;
    const queue = new Queue<string>(name, {
      connection: this.redis,
      prefix: PREFIX,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    queue.on("error", () => {});
    return queue;
  }

  /**
   * Takes the batches of a plan; two at once, so that the end of one overlaps with the start of the next.
   * @param lockMs - a worker that says nothing for this long is taken for dead, and its batches are given to others
   * @param work - one that ends with `putBack` lets another worker have the batch at once
   */
  worker(
    name: string,
    lockMs: number,
    work: (batch: string, putBack: () => Promise<never>) => Promise<void>,
  ): BatchWorker {
    const { Worker, WaitingError } = this.#driver.bullmq;
    const worker = new Worker<string>(
      name,
      async (job: Job<string>, token?: string) =>
        await work(job.data, async () => {
          await job.moveToWait(token);
          throw new WaitingError();
        }),
      {
        connection: this.redis,
        prefix: PREFIX,
        skipVersionCheck: true,
        concurrency: 2,
        lockDuration: lockMs,
        stalledInterval: Math.ceil(lockMs / 3),
        maxStalledCount: MAX_STALLS,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    // A lock that was lost: the batch runs elsewhere too, and each of its results counts once.
    worker.on("error", () => {});
    return worker;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#awayTimer);
    if (this.redis.status === "ready") await Promise.race([this.redis.quit().catch(() => {}), wait(1_000)]);
    this.redis.disconnect();
  }

  #away(): void {
    if (this.#isClosed || this.#awayTimer) return;
    const { patienceMs, onWarning } = this.#options;
    onWarning(`the queue at ${this.place} is away; waiting for it`);
    if (patienceMs === undefined) {
      this.#awayTimer = setTimeout(() => {}, 0);
      return;
    }
    this.#awayTimer = setTimeout(() => {
      const message = `the queue at ${this.place} was away for ${Math.round(patienceMs / 1000)} s`;
      this.#gone.abort(new QueueError(message, { hint: RESUME }));
      this.redis.disconnect();
    }, patienceMs);
  }

  #back(): void {
    if (!this.#awayTimer) return;
    clearTimeout(this.#awayTimer);
    this.#awayTimer = undefined;
    this.#options.onWarning(`the queue at ${this.place} is back`);
  }
}

const RESUME = "start it again, then run the same command: what was finished is stored";

async function loadDriver(): Promise<Driver> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, Redis };
  } catch (error) {
    throw new ConfigError(`--queue needs the packages bullmq and ioredis: ${messageOf(error, 200)}`, {
      hint: "they are optional dependencies of w4s: npm install bullmq ioredis",
      cause: error,
    });
  }
}

/** @param first - what the connection said, which names the reason; @param error - what the call ended with */
function explain(first: unknown, error: unknown, place: string, hasPassword: boolean): Error {
  if (error instanceof ConfigError) return error;
  const what = messageOf(first, 200);
  const both = `${what} ${messageOf(error, 200)}`;
  if (/WRONGPASS|NOAUTH|invalid password|AUTH .*without any password/i.test(both)) {
    const state = hasPassword ? "the password is refused" : "it wants a password, and none is set";
    return new ConfigError(`the queue at ${place}: ${state}`, {
      hint: `set ${QUEUE_PASSWORD_VARIABLE}; a user is named in the URL: redis://USER@HOST:PORT`,
      cause: error,
    });
  }
  return new QueueError(`no queue answers at ${place}: ${what}`, {
    hint: "start Redis or Valkey there (docs/workers.md), and look at host, port and TLS (rediss:)",
    cause: error,
  });
}
