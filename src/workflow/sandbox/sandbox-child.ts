/** @file The sandbox process: QuickJS as it was made for each run, nothing kept between runs. The only quickjs import. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";
import { REPLY_READERS, type ReplyReaders } from "../../core/reply/reply-readers.js";
import { serveParent } from "../../core/serve-parent.js";
import { type PreludeOptions, preludeSource } from "./guest-prelude.js";
import { GuestRun } from "./guest-run.js";
import { guestHelpers } from "./make-guest-helpers.js";
import { MemoryImage } from "./memory-image.js";
import { type ChildOutcome, DEFAULT_LIMITS, type ToChild, type ToParent } from "./sandbox-protocol.js";

const PAGE_BYTES = 65_536;
/** Least number of pages that the wasm module asks for. */
const FIRST_PAGES = 256;
/** QuickJS's own stack check must strike before the engine's below it runs out. */
const STACK_BYTES = 256 * 1024;
/** Jobs between two looks at the limits and at messages of the parent. */
const JOBS_PER_SLICE = 1_000;
const FILE = "workflow.js";
/** Appended on a line of its own to reach a plain `function workflow`. */
const EXPORT_FOOTER = "\nexport { workflow as $w4sWorkflow };";
const SECOND_DEFAULT = "\nexport default 0;";

const PRELUDE = preludeSource(`${guestHelpers}`);

/** The part of WebAssembly used here; Node has it, its type package does not describe it. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    compile(bytes: Uint8Array): Promise<object>;
    Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  };
};
// The package's types describe its CommonJS door; what is imported here is the variant itself.
const quickjs = variant as unknown as QuickJSSyncVariant;
/**
 * The optimising compiler comes after ten times as much work as by default: a process that serves a few dozen runs ends
 * before it would pay, and takes a sixth less computing.
 */
setFlagsFromString("--wasm-tiering-budget=18000000");
const wasmModule = await WebAssembly.compile(
  readFileSync(new URL(import.meta.resolve("@jitl/quickjs-ng-wasmfile-release-sync/wasm"))),
);

/** An engine whose memory cannot grow over its limit, whatever the guest allocates. */
interface Instance {
  context: QuickJSContext;
  /** The guest's side of the border, compiled and not yet called. */
  prelude: QuickJSHandle;
  /** Our side of it, as the guest sees it. */
  host: QuickJSHandle;
  /** Who is behind that; set before the guest runs. */
  border: { execution?: Execution };
  memoryBytes: number;
  /** The last attempt to grow failed. */
  isExhausted(): boolean;
  /**
   * Makes the engine what it was before its first run: all that a guest can change lies in its memory.
   * @returns false where the memory has grown, which cannot be taken back
   */
  restore(): boolean;
}

async function createInstance(memoryBytes: number): Promise<Instance> {
  const maximum = Math.max(FIRST_PAGES, Math.floor(memoryBytes / PAGE_BYTES));
  const wasmMemory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum });
  let isExhausted = false;
  const grow = wasmMemory.grow.bind(wasmMemory);
  // The engine's allocator tries smaller steps after a failure: only the last try of a request counts.
  wasmMemory.grow = (pages) => {
    isExhausted = true;
    const before = grow(pages);
    isExhausted = false;
    return before;
  };
  const engine = await newQuickJSWASMModuleFromVariant(newVariant(quickjs, { wasmModule, wasmMemory }));
  const context = engine.newContext();
  context.runtime.setMaxStackSize(STACK_BYTES);
  const border: Instance["border"] = {};
  context.runtime.setInterruptHandler(() => border.execution?.isToStop());
  const host = hostObject(context, border);
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, "w4s"));
  const image = new MemoryImage(wasmMemory);
  return {
    ...{ context, border, host, prelude, memoryBytes },
    isExhausted: () => isExhausted,
    restore: () => !isExhausted && image.restore(),
  };
}

/** Functions of the guest's side, made before it is known who will be behind them: they take and give strings. */
function hostObject(context: QuickJSContext, border: Instance["border"]): QuickJSHandle {
  const host = context.newObject();
  const define = (name: string, body: (...args: QuickJSHandle[]) => QuickJSHandle) => {
    context.newFunction(name, body).consume((handle) => context.setProp(host, name, handle));
  };
  define("call", (id, name, json) =>
    context.newString(
      border.execution!.guestCalls(
        context.getNumber(id!),
        context.getString(name!),
        context.getString(json!),
      ),
    ),
  );
  define("read", (name, json) => {
    const read = REPLY_READERS[context.getString(name!) as keyof ReplyReaders] as (
      ...args: unknown[]
    ) => unknown;
    const found = read(...(JSON.parse(context.getString(json!)) as unknown[]));
    return context.newString(found === undefined ? "" : JSON.stringify(found));
  });
  define("log", (json) =>
    border.execution!.guestLogs(JSON.parse(context.getString(json!)) as string)
      ? context.true
      : context.false,
  );
  define("end", (outcome, json) => {
    border.execution!.guestEnded(context.getString(outcome!), context.getString(json!));
    return context.undefined;
  });
  return host;
}

/** One run from source to outcome. Ends by calling `end` exactly once; afterwards the guest never runs again. */
class Execution {
  readonly #run: GuestRun;
  readonly #instance: Instance;
  readonly #context: QuickJSContext;
  readonly #message: Extract<ToChild, { type: "run" }>;
  readonly #onEnd: (outcome: ChildOutcome, text: string, isReusable: boolean) => void;
  #handles: Record<"start" | "settle" | "describe", QuickJSHandle> | undefined;
  #cpuMs = 0;
  #isOverCpu = false;
  #isPumping = false;
  /** Reads the computing since the engine was entered; 0 while nothing runs there. */
  #sinceEntry = () => 0;
  #ended: { outcome: ChildOutcome; text: string; isReusable: boolean } | undefined;
  #isReported = false;

  constructor(
    run: GuestRun,
    instance: Instance,
    message: Extract<ToChild, { type: "run" }>,
    onEnd: (outcome: ChildOutcome, text: string, isReusable: boolean) => void,
  ) {
    this.#run = run;
    this.#instance = instance;
    this.#context = instance.context;
    this.#message = message;
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#guarded(() => {
      const { calls, seed, taskJson, limits, source } = this.#message;
      this.#loadPrelude({ calls, seed, taskJson, ...limits });
      const chosen = this.#chooseSource(source);
      if (chosen === undefined) return;
      const evaluated = this.#context.evalCode(chosen, FILE, { type: "module" });
      if (evaluated.error) this.#fail("threw", evaluated.error);
      else this.#callHandle("start", evaluated.value);
      this.#schedulePump();
    });
  }

  reply({ call, isOk, json, cutReplies = [] }: Extract<ToChild, { type: "reply" }>): void {
    if (this.#ended) return;
    this.#run.outstanding--;
    this.#guarded(() => {
      const context = this.#context;
      const flag = isOk ? context.true : context.false;
      this.#callHandle(
        "settle",
        context.newNumber(call),
        flag,
        context.newString(json),
        context.newString(JSON.stringify(cutReplies)),
      );
      this.#schedulePump();
    });
  }

  #loadPrelude(options: PreludeOptions): void {
    const { context, prelude, host, border } = this.#instance;
    border.execution = this;
    const settings = context.newString(JSON.stringify(options));
    const made = context.unwrapResult(context.callFunction(prelude, context.undefined, host, settings));
    this.#handles = {
      start: context.getProp(made, "start"),
      settle: context.getProp(made, "settle"),
      describe: context.getProp(made, "describe"),
    };
  }

  /** Asked by the engine again and again. What still runs after the end (calls nobody awaited) is stopped too. */
  isToStop(): boolean {
    if (this.#ended !== undefined) return true;
    this.#isOverCpu ||= this.#spentMs() > this.#run.limits.cpuMs;
    return this.#isOverCpu;
  }

  /** Ends it without a word. */
  abandon(): void {
    this.#end("threw", "");
    this.#isReported = true;
  }

  /** The text to evaluate; undefined = refused. A workflow runs on many items one after another: its text is chosen once. */
  #chooseSource(source: string): string | undefined {
    if (lastChoice?.source === source) return lastChoice.chosen;
    const chosen = this.#compileChoice(source);
    if (chosen !== undefined) lastChoice = { source, chosen };
    return chosen;
  }

  /** The source, with a footer where a plain `workflow` is meant. */
  #compileChoice(source: string): string | undefined {
    const error = this.#compileError(source);
    if (error) {
      this.#fail("refused", error);
      return undefined;
    }
    // A default export wins; that a second one clashes is how its presence shows without running anything.
    const clash = this.#compileError(source + SECOND_DEFAULT);
    if (clash) {
      clash.dispose();
      return source;
    }
    const missing = this.#compileError(source + EXPORT_FOOTER);
    if (!missing) return source + EXPORT_FOOTER;
    missing.dispose();
    this.#end(
      "refused",
      "no function workflow: write `export default async function workflow(agent, task) { … }`",
    );
    return undefined;
  }

  #compileError(source: string): QuickJSHandle | undefined {
    const compiled = this.#context.evalCode(source, FILE, { type: "module", compileOnly: true });
    if (compiled.error) return compiled.error;
    compiled.value.dispose();
    return undefined;
  }

  #callHandle(name: "start" | "settle", ...args: QuickJSHandle[]): void {
    const handle = this.#handles![name];
    const result = this.#context.callFunction(handle, this.#context.undefined, ...args);
    if (result.error) this.#fail("threw", result.error);
    else result.value.dispose();
  }

  #schedulePump(): void {
    if (this.#isPumping || this.#ended) return;
    this.#isPumping = true;
    setImmediate(() => this.#pump());
  }

  /** Runs jobs in slices, so that replies are taken and limits are seen between them. */
  #pump(): void {
    this.#isPumping = false;
    if (this.#ended) return;
    this.#guarded(() => {
      const { runtime } = this.#context;
      const result = runtime.executePendingJobs(JOBS_PER_SLICE);
      this.#run.flushLog();
      if (result.error) this.#fail("threw", result.error);
      else if (runtime.hasPendingJob()) this.#schedulePump();
      else if (this.#run.outstanding === 0 && !this.#ended) {
        this.#end("threw", "the workflow waits for something that never comes");
      } else if (this.#message.tellsRests && !this.#ended) this.#run.rest();
    });
  }

  #spentMs(): number {
    return this.#cpuMs + this.#sinceEntry();
  }

  /**
   * Everything that enters the engine goes through here: time is counted, faults of the engine end the run. The end is
   * reported when the engine has been left, so that the next run never meets a guest that is still busy.
   */
  #guarded(step: () => void): void {
    if (this.#ended) return;
    this.#sinceEntry = computingClock();
    try {
      step();
    } catch (error) {
      this.#end("threw", describeEngineFault(error), false);
    } finally {
      this.#cpuMs = this.#spentMs();
      this.#sinceEntry = () => 0;
    }
    this.#isOverCpu ||= !this.#ended && this.#cpuMs > this.#run.limits.cpuMs;
    if (this.#isOverCpu) this.#end("timed-out", "");
    this.#report();
  }

  /** Called by the guest's side of the border, as the two below. */
  guestCalls(id: number, name: string, json: string): string {
    return this.#ended ? "over" : this.#run.call(id, name, json, this.#spentMs());
  }

  guestLogs(text: string): boolean {
    return this.#run.log(text);
  }

  guestEnded(outcome: string, json: string): void {
    if (outcome === "returned") this.#end("returned", json);
    else if (outcome === "bad-result" || outcome === "too-big")
      this.#end(outcome, JSON.parse(json) as string);
    else this.#end(outcome === "refused" ? "refused" : "threw", errorText(json, this.#message.source));
  }

  #fail(outcome: "threw" | "refused", error: QuickJSHandle): void {
    const described = this.#handles
      ? this.#context.callFunction(this.#handles.describe, this.#context.undefined, error)
      : undefined;
    if (!described || described.error) this.#end(outcome, "the error cannot be read");
    else this.#end(outcome, errorText(this.#context.getString(described.value), this.#message.source));
  }

  #end(outcome: ChildOutcome, text: string, isReusable = true): void {
    this.#ended ??= { outcome, text, isReusable };
  }

  /** Limits that were met outrank what the guest says: an error it swallowed does not make a success. */
  #report(): void {
    if (!this.#ended || this.#isReported) return;
    this.#isReported = true;
    this.#run.flushLog();
    const { outcome, text, isReusable } = this.#ended;
    const { limits, limitMet } = this.#run;
    if (this.#isOverCpu) {
      this.#onEnd("timed-out", `stopped: more than ${limits.cpuMs} ms of computing`, isReusable);
    } else if (this.#instance.isExhausted()) {
      this.#onEnd("out-of-memory", `stopped: more than ${limits.memoryBytes} bytes of memory`, false);
    } else if (limitMet !== undefined) {
      this.#onEnd(limitMet, this.#run.limitMessage, isReusable);
    } else if (outcome === "returned" && Buffer.byteLength(text) > limits.resultBytes) {
      this.#onEnd("too-big", `the answer is too big: more than ${limits.resultBytes} bytes`, isReusable);
    } else this.#onEnd(outcome, text, isReusable);
  }
}

/**
 * Milliseconds of computing from now on: processor time, which stands still on a machine that is busy with others, and at
 * most wall time, since other threads of the process (compiler, collector) compute too.
 */
function computingClock(): () => number {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return Math.min((user + system) / 1000, performance.now() - startedAt);
  };
}

/** "TypeError: x is not a function (line 3)" from a described error. */
function errorText(json: string, source: string): string {
  const { name, message, stack } = JSON.parse(json) as Record<"name" | "message" | "stack", string>;
  const found = new RegExp(`${FILE}:(\\d+)`).exec(stack)?.[1];
  const what = message.replace(/^unexpected token in expression: ''$/, "unexpected end of the source");
  const text = name === "" || what === "" ? name + what : `${name}: ${what}`;
  if (found === undefined) return text;
  return `${text} (line ${betterLine(Number(found), message, source)})`;
}

/** The engine's line, corrected where it is known to be off. */
function betterLine(line: number, message: string, source: string): number {
  const lines = source.trimEnd().split("\n");
  // An unknown name is reported at the statement before it.
  const unknown = /^([\w$]+) is not defined$/.exec(message)?.[1];
  if (unknown !== undefined) {
    const index = lines.findIndex((text, i) => i >= line - 1 && text.split(/[^\w$]+/).includes(unknown));
    return index < 0 ? line : index + 1;
  }
  // The end of an unfinished source is met behind its last line break.
  return Math.min(line, lines.length);
}

/** The engine itself gave up: its own stack or the host's ran out, or it met a trap. */
function describeEngineFault(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /call stack|recursion/i.test(text)
    ? "InternalError: stack overflow"
    : `the sandbox engine failed: ${text.slice(0, 200)}`;
}

let lastChoice: { source: string; chosen: string } | undefined;
let execution: Execution | undefined;
let currentRun = -1;
/** The engine of the last run, until it is made ready for the next. */
let used: Instance | undefined;
let ready: Promise<Instance> | undefined;

/** Takes back what the last run changed, or makes an engine. */
function makeReady(memoryBytes: number): Promise<Instance> {
  if (used) ready = used.restore() ? Promise.resolve(used) : renewed(memoryBytes);
  used = undefined;
  ready ??= createInstance(memoryBytes);
  return ready;
}

/** Gives the memory of the instance before back at once: it may hold its full limit. */
async function renewed(memoryBytes: number): Promise<Instance> {
  used = undefined;
  (globalThis as { gc?: (() => void) | undefined }).gc?.();
  return await createInstance(memoryBytes);
}

async function beginRun(
  message: Extract<ToChild, { type: "run" }>,
  send: (message: ToParent) => void,
): Promise<void> {
  const { memoryBytes } = message.limits;
  currentRun = message.run;
  // The run before was parked: nothing comes back to it.
  execution?.abandon();
  execution = undefined;
  let instance = await makeReady(memoryBytes);
  if (instance.memoryBytes !== memoryBytes) instance = await createInstance(memoryBytes);
  ready = undefined;
  used = instance;
  const run = new GuestRun(message.run, message.limits, send);
  execution = new Execution(run, instance, message, (outcome, text, isReusable) => {
    send({ type: "end", run: run.id, outcome, text, isReusable });
    execution = undefined;
    // The next run finds the engine ready.
    setImmediate(() => {
      if (isReusable && !execution) void makeReady(memoryBytes);
    });
  });
  execution.start();
}

await makeReady(DEFAULT_LIMITS.memoryBytes);
serveParent((raw, send) => {
  const message = raw as ToChild;
  if (message.type === "run") void beginRun(message, send);
  else if (message.run === currentRun) execution?.reply(message);
});
