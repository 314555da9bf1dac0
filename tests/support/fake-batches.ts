/** @file The files and batches of an OpenAI-compatible server, for the fake server: it counts what is paid, and fails on command. */
import { completion, type FakeOpenAIOptions, type Fault, faults } from "./fake-openai-server.js";

type FakeRequest = Parameters<NonNullable<FakeOpenAIOptions["intercept"]>>[0];

/** What may come of one line of a batch instead of its answer. */
type LineFault =
  | "500"
  | "429"
  | "400"
  /** By a content filter. */
  | "refused"
  /** Not begun in time. */
  | "expired"
  /** Nowhere in the files. */
  | "missing"
  /** Answered twice. */
  | "twice"
  /** Under an id of no request. */
  | "stray"
  /** Half a line. */
  | "cut";

export interface FakeBatchesOptions {
  /** Text for a request, as for a chat. Default: "reply to: " and the prompt. */
  reply?: FakeOpenAIOptions["reply"];
  /** @param batch - number of the batch, from 0 */
  lineFault?: (line: { id: string; index: number; batch: number; prompt: string }) => LineFault | undefined;
  /** Of a whole batch: its create request is answered with a reset, done or undone, or it is refused after its creation. */
  batchFault?: (
    batch: number,
  ) => "reset-done" | "reset-undone" | "token-limit" | "refused" | "bad-line" | "cancelled" | undefined;
  /** Looks at a batch before it has ended. Default 1. */
  looks?: number;
  /** Keeps a batch from ending while true. */
  isHeld?: () => boolean;
  /** First reads of a file come without their end. Default 0. */
  cutReads?: number;
}

interface FakeBatch {
  id: string;
  input: string;
  metadata: unknown;
  /** Parsed lines of its file. */
  requests: { custom_id: string; body: Record<string, unknown> }[];
  looksLeft: number;
  status: string;
  output: string;
  errors: string;
  completed: number;
  failed: number;
  lineErrors: object[];
}

export class FakeBatches {
  readonly batches: FakeBatch[] = [];
  /** Answers that were made, by custom id. */
  readonly paid = new Map<string, number>();
  readonly #options: FakeBatchesOptions;
  readonly #files = new Map<string, string>();
  #reads = 0;
  #creations = 0;

  constructor(options: FakeBatchesOptions = {}) {
    this.#options = options;
  }

  /** For the fake server's `intercept`. */
  readonly intercept = (request: FakeRequest): Fault | undefined => {
    const { method, path, text } = request;
    const [, kind, id, part] =
      /\/(files|batches)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path.replace(/^\/v1/, "")) ?? [];
    if (kind === "files" && method === "POST") return json(this.#upload(text));
    if (kind === "files" && part === "content") return raw(this.#content(id ?? ""));
    if (kind === "batches" && method === "POST") return this.#create(request);
    if (kind === "batches" && id === undefined) return json(this.#list(request.query));
    if (kind === "batches") return this.#look(id ?? "");
    return undefined;
  };

  #upload(form: string): object {
    const [, content = ""] = /filename="[^"]*\.jsonl"[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(form) ?? [];
    const id = `file-in-${this.#files.size}`;
    this.#files.set(id, content);
    return { id, object: "file", purpose: /name="purpose"\r\n\r\n(\w+)/.exec(form)?.[1] };
  }

  #content(id: string): string {
    const text = this.#files.get(id) ?? "";
    return this.#reads++ < (this.#options.cutReads ?? 0) ? text.slice(0, text.length / 2) : text;
  }

  #create({ body }: FakeRequest): Fault {
    const fault = this.#options.batchFault?.(this.#creations++);
    if (fault === "reset-undone") return faults.reset();
    const lines = (this.#files.get(body.input_file_id) ?? "").split("\n").filter(Boolean);
    const batch: FakeBatch = {
      ...{ id: `batch-${this.batches.length}`, input: body.input_file_id, metadata: body.metadata },
      requests: lines.map((line) => JSON.parse(line)),
      ...{ looksLeft: this.#options.looks ?? 1, status: "in_progress", output: "", errors: "" },
      ...{ completed: 0, failed: 0, lineErrors: [] },
    };
    const number = this.batches.push(batch) - 1;
    const error = fault && BATCH_ERRORS[fault];
    if (error) {
      batch.status = "failed";
      batch.lineErrors.push(error);
    } else if (fault === "cancelled") {
      this.#work({ ...batch, requests: batch.requests.slice(0, 1) }, batch, number);
      batch.status = "cancelled";
    } else this.#work(batch, batch, number);
    return fault === "reset-done" ? faults.reset() : json(this.#shown(batch));
  }

  /** Answers all requests at once, in an order of its own; the files can be read when it has ended. */
  #work({ requests }: FakeBatch, batch: FakeBatch, number: number): void {
    const output: string[] = [];
    const errors: string[] = [];
    const respond = (id: string, status: number, body: unknown) =>
      JSON.stringify({
        id: `r-${id}`,
        custom_id: id,
        response: { status_code: status, request_id: "q", body },
        error: null,
      });
    for (const [index, { custom_id: id, body }] of requests.entries()) {
      const prompt = promptOf(body);
      const fault = this.#options.lineFault?.({ id, index, batch: number, prompt });
      const status = Number(fault);
      if (status > 0) {
        errors.push(respond(id, status, { error: { message: `status ${fault}`, code: null } }));
        continue;
      }
      if (fault === "refused") {
        errors.push(respond(id, 400, REFUSAL));
        continue;
      }
      if (fault === "expired") {
        const error = { code: "batch_expired", message: "This request could not be executed in time." };
        errors.push(JSON.stringify({ id: `r-${id}`, custom_id: id, response: null, error }));
        continue;
      }
      if (fault === "missing") continue;
      const line = respond(id, 200, this.#answer(body));
      if (fault === "cut") output.push(line.slice(0, line.length / 2));
      else if (fault === "stray") output.push(respond("nobody", 200, this.#answer(body)));
      else {
        this.paid.set(id, (this.paid.get(id) ?? 0) + 1);
        output.push(line, ...(fault === "twice" ? [line] : []));
      }
    }
    batch.completed = output.length;
    batch.failed = errors.length;
    batch.output = this.#keep(output.reverse());
    batch.errors = this.#keep(errors);
  }

  #answer(body: Record<string, unknown>): object {
    const prompt = promptOf(body);
    const reply = this.#options.reply ?? (() => `reply to: ${prompt}`);
    const texts = Array.from({ length: Number(body.n ?? 1) }, (_, index) =>
      reply({ body, prompt } as FakeRequest, index),
    );
    return completion(String(body.model), texts);
  }

  #keep(lines: readonly string[]): string {
    if (lines.length === 0) return "";
    const id = `file-out-${this.#files.size}`;
    this.#files.set(id, `${lines.join("\n")}\n`);
    return id;
  }

  #list(query: string): object {
    const params = new URLSearchParams(query);
    const limit = Number(params.get("limit") ?? 20);
    const newestFirst = [...this.batches].reverse();
    const from = newestFirst.findIndex(({ id }) => id === params.get("after")) + 1;
    const page = newestFirst.slice(from, from + limit);
    return {
      object: "list",
      data: page.map((batch) => this.#shown(batch)),
      has_more: from + page.length < newestFirst.length,
    };
  }

  #look(id: string): Fault {
    const batch = this.batches.find((one) => one.id === id);
    if (!batch) return faults.status(404, { error: { message: `No batch found with id '${id}'.` } });
    if (batch.status === "in_progress" && batch.looksLeft-- <= 0 && !this.#options.isHeld?.())
      batch.status = "completed";
    return json(this.#shown(batch));
  }

  #shown(batch: FakeBatch): object {
    const isEnded = batch.status !== "in_progress";
    return {
      ...{ id: batch.id, object: "batch", endpoint: "/v1/chat/completions", completion_window: "24h" },
      ...{
        input_file_id: batch.input,
        status: batch.status,
        created_at: Math.floor(Date.now() / 1000),
        metadata: batch.metadata,
      },
      output_file_id: (isEnded && batch.output) || null,
      error_file_id: (isEnded && batch.errors) || null,
      errors: batch.lineErrors.length > 0 ? { object: "list", data: batch.lineErrors } : null,
      request_counts: { total: batch.requests.length, completed: batch.completed, failed: batch.failed },
    };
  }
}

/** Why a whole batch was not begun. */
const BATCH_ERRORS: Readonly<Record<string, object>> = {
  "token-limit": { code: "token_limit_exceeded", message: "Enqueued token limit reached", line: null },
  "bad-line": { code: "server_error", message: "this line could not be read", line: 1 },
  refused: { code: "unsupported", message: "no batches for this model", line: null },
};

/** What a content filter says. */
export const REFUSAL = { error: { message: "the prompt was flagged", code: "content_filter" } };

function promptOf({ messages }: Record<string, unknown>): string {
  return (messages as { content: string }[]).at(-1)?.content ?? "";
}

const json = (body: object): Fault => faults.status(200, body);

function raw(text: string): Fault {
  return ({ response }) => {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    response.end(text);
  };
}
