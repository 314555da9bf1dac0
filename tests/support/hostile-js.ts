/** @file Reads and judges hostile workflow files: `// MUST kind|kind: why` in the first line. */
import type {
  AgentHost,
  SandboxLimits,
  WorkflowRun,
  WorkflowStatus,
} from "../../src/workflow/workflow-run.js";

/** Low limits, so that the suite is quick (hostile/README.md). */
export const HOSTILE_LIMITS: Partial<SandboxLimits> = {
  wallMs: 2_000,
  memoryBytes: 64 * 1024 * 1024,
  modelCalls: 20,
  argumentBytes: 1024 * 1024,
  resultBytes: 1024 * 1024,
  logBytes: 64 * 1024,
};

/** Put before a file on its first line: maps `callLLM`, `runCode`, `log` and a plain `workflow` to our API. */
export const ADAPTER =
  "export default (agent, task) => workflow({ callLLM: ({ messages, ...options }) => agent.text(messages, options), " +
  "runCode: (code) => agent.runPython(code), log: (value) => agent.log(value) }, task.question); ";

const KIND_OF_STATUS: Record<WorkflowStatus, string> = {
  ok: "value",
  "extract-failed": "refuse",
  refused: "refuse",
  threw: "error",
  "timed-out": "timeout",
  "out-of-memory": "memory",
  "too-big": "toobig",
  "bad-result": "badresult",
  budget: "budget",
};

/** Why a run breaks the file's MUST line, or undefined when it holds. */
export function judge(source: string, run: WorkflowRun): string | undefined {
  const must = /^\/\/ MUST ([^:]+?):/.exec(source)?.[1];
  if (must === undefined) return "no MUST line";
  const kind = KIND_OF_STATUS[run.status];
  const isMet = must.split("|").some((allowed) => {
    const [, name, value] = /^\s*(\w+)(?:\s+"(.*)")?\s*$/.exec(allowed) ?? [];
    return name === kind && (value === undefined || run.answer === value);
  });
  if (JSON.stringify(run).includes("ESCAPED")) return "the text ESCAPED is in the run";
  if (isMet) return undefined;
  return `must be ${must}, is ${kind} (${run.status}: ${JSON.stringify(run.answer ?? run.error)?.slice(0, 300)})`;
}

/** A stub executor and code tool that count what reaches them. */
export class StubHost implements AgentHost {
  readonly offers: ReadonlySet<string>;
  /** Every call as it was sent, in order. */
  readonly sent: { name: string; args: readonly unknown[] }[] = [];
  inFlight = 0;
  mostInFlight = 0;
  readonly #reply: string;
  readonly #delayMs: number;
  readonly #models: readonly string[];

  constructor({
    offers = ["runPython"],
    reply = "42",
    delayMs = 3,
    models = [],
  }: {
    offers?: string[];
    reply?: string;
    delayMs?: number;
    models?: readonly string[];
  } = {}) {
    this.offers = new Set(offers);
    this.#reply = reply;
    this.#delayMs = delayMs;
    this.#models = models;
  }

  async call(name: string, args: readonly unknown[]): Promise<unknown> {
    this.sent.push({ name, args: structuredClone(args) });
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    this.inFlight--;
    if (name === "tool") return { found: this.#reply };
    if (name === "examples") return [{ question: "What?", answer: this.#reply }];
    if (name === "test") return { passed: 0, failed: 1, errors: ["f() is wrong"] };
    if (name === "runPython") return { ok: true, stdout: this.#reply, stderr: "" };
    const options = (name.endsWith("json") ? args[2] : args[1]) as { n?: number; model?: string } | undefined;
    if (options?.model !== undefined && !this.#models.includes(options.model))
      throw new Error(`unknown model alias ${options.model}`);
    if (!name.endsWith("json")) return Array.from({ length: options?.n ?? 1 }, () => this.#reply);
    const object = Object.fromEntries((args[1] as string[]).map((key) => [key, this.#reply]));
    return (options?.n ?? 1) > 1 ? Array.from({ length: options!.n! }, () => object) : object;
  }
}

/** An honest sample; its answer is `honestAnswer(i)`. */
export const HONEST_SOURCE =
  "export default async function workflow(agent, task) {\n" +
  "  const [reply] = await agent.text(`${task.question}`);\n" +
  "  return number(reply) + Number(task.question);\n}\n";

export function honestAnswer(i: number): number {
  return 42 + i;
}
