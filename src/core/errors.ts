/** @file Every error this project throws on purpose. A failing workflow is data, not an error. */

const MARKER = Symbol.for("w4s.error");

export interface W4sErrorOptions {
  /** What the user can do next, one sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

/** An error as plain JSON, for another process or a record. Fields of its class stand beside these. */
export interface ErrorJson {
  /** Marks the object and names the class. */
  w4sError: string;
  code: string;
  message: string;
  hint?: string | undefined;
  /** Message of the cause, on one line. */
  cause?: string | undefined;
  /** JSON has no NaN and no infinity: such numbers are texts. */
  [field: string]: unknown;
}

/** Error that this project throws on purpose: `message` says what and where, `hint` what to do next, `code` is stable for machines. */
export class W4sError extends Error {
  readonly [MARKER] = true;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: W4sErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }

  /** True also for errors made by another copy of this package. */
  static is(value: unknown): value is W4sError {
    return typeof value === "object" && value !== null && MARKER in value;
  }

  toJson(): ErrorJson {
    const { name, code, message, hint, cause, ...fields } = this;
    const plain = Object.entries(fields).map(([field, value]) => {
      const isLost = typeof value === "number" && !Number.isFinite(value);
      return [field, isLost ? String(value) : value] as const;
    });
    return {
      w4sError: name,
      code,
      message,
      hint,
      cause: cause === undefined ? undefined : messageOf(cause),
      ...Object.fromEntries(plain),
    };
  }

  /** The error as the class it had, with the fields of that class; one of an unknown class as a W4sError. */
  static fromJson({ w4sError: name, code, message, hint, cause, ...fields }: ErrorJson): W4sError {
    const options = { hint, cause: cause === undefined ? undefined : new Error(cause) };
    const type = CLASSES.find((one) => one.name === name) ?? W4sError;
    // Only this constructor runs: those of the classes make message and fields from other arguments.
    const error = Reflect.construct(W4sError, [code, message, options], type) as W4sError;
    const own = Object.entries(fields).map(([field, value]) => {
      const isLost = typeof value === "string" && NO_JSON_NUMBERS.has(value);
      return [field, isLost ? Number(value) : value] as const;
    });
    return Object.assign(error, Object.fromEntries(own));
  }
}

const NO_JSON_NUMBERS: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity"]);

/** Setting, flag or argument that is wrong (exit 2). */
export class ConfigError extends W4sError {
  constructor(message: string, options: W4sErrorOptions & { code?: string | undefined } = {}) {
    super(options.code ?? "config", message, options);
  }
}

/** No safe place to run programs in (exit 2): the run stops, since programs are never run anywhere else. */
export class NoSandboxError extends ConfigError {
  readonly isFatal = true;
  constructor(message: string, options: W4sErrorOptions = {}) {
    super(message, { ...options, code: "no-sandbox" });
  }
}

/** File of the user's that cannot be accepted (exit 3): dataset line, model file, trajectory. */
export class InputError extends W4sError {
  constructor(message: string, options: W4sErrorOptions & { code?: string | undefined } = {}) {
    super(options.code ?? "input", message, options);
  }
}

/** Binary file that breaks its format (exit 3); `byteOffset` is the place of the fault where it is known. */
export class FormatError extends W4sError {
  readonly file: string;
  readonly byteOffset: number | undefined;
  constructor(
    message: string,
    details: W4sErrorOptions & { file: string; byteOffset?: number | undefined; code?: string | undefined },
  ) {
    super(details.code ?? "format", message, details);
    this.file = details.file;
    this.byteOffset = details.byteOffset;
  }
}

/** Valid model file with an architecture or quantisation that cannot be used (exit 3). */
export class UnsupportedModelError extends W4sError {
  constructor(message: string, options: W4sErrorOptions = {}) {
    super("unsupported-model", message, options);
  }
}

/** Training whose loss or gradients are no numbers any more (exit 5); the last finite checkpoint is kept. */
export class TrainingDivergedError extends W4sError {
  readonly step: number;
  readonly loss: number;
  constructor(step: number, loss: number, options: W4sErrorOptions = {}) {
    super("training-diverged", `training diverged at step ${step}: the loss is ${loss}`, {
      hint: "lower the learning rate or the largest weight, and run the same command again",
      ...options,
    });
    this.step = step;
    this.loss = loss;
  }
}

/** Tensors that do not fit together (exit 1 unless a file is to blame: then the caller turns it into that file's error). */
export class ShapeError extends W4sError {
  readonly op: string;
  readonly shapes: readonly (readonly number[])[];
  constructor(
    op: string,
    shapes: readonly (readonly number[])[],
    reason: string,
    options: W4sErrorOptions = {},
  ) {
    const listed = shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ");
    super("shape", `${op}: ${reason}${listed === "" ? "" : `, got ${listed}`}`, options);
    this.op = op;
    this.shapes = shapes;
  }
}

/** A derivative was asked for that the op does not have. */
export class NotDifferentiableError extends W4sError {
  readonly op: string;
  constructor(op: string, what: string, options: W4sErrorOptions = {}) {
    super("not-differentiable", `${op} is not differentiable with respect to ${what}`, options);
    this.op = op;
  }
}

export type ModelCallErrorKind =
  | "auth"
  | "model-not-found"
  | "context-length"
  | "quota"
  | "rate-limit"
  | "refused"
  | "empty"
  | "length"
  | "not-openai"
  | "unreachable"
  | "timeout"
  | "server"
  | "bad-reply"
  | "bad-request"
  | "unseen-prompt"
  | "crashed";

/** Kinds after which no further call to the same endpoint can succeed: the run stops with exit 4. */
const FATAL_KINDS: ReadonlySet<ModelCallErrorKind> = new Set([
  "auth",
  "model-not-found",
  "quota",
  "not-openai",
  "unreachable",
  "rate-limit",
]);

/** Tokens of a reply, usable or not, as its server counts and bills them. */
export interface ReplyUsage {
  /** Of the prompt, cached ones included. */
  promptTokens: number;
  /** Of all texts, thinking included. */
  completionTokens: number;
  /** Those of the prompt that were read from the server's cache, where it says so. */
  cachedTokens?: number | undefined;
  /** Those of the completion that were thinking, where the server says so. */
  thinkingTokens?: number | undefined;
  /** What the server says that it charged, dollars: routers do. */
  dollars?: number | undefined;
  /** Requests that were answered for it, where more than one. */
  requests?: number | undefined;
  /** True when the server gave no usable counts and these were estimated from text length. */
  isEstimated?: boolean | undefined;
}

/** Call to a chat model that gave no usable reply after all retries; `status` is the server's answer where there was one. */
export class ModelCallError extends W4sError {
  readonly kind: ModelCallErrorKind;
  readonly status: number | undefined;
  readonly isRetryable: boolean;
  /** True when the whole run must stop (exit 4); false when only this sample is lost. */
  readonly isFatal: boolean;
  /** What the server billed for the reply that could not be used, all attempts together; undefined where nothing is known to be billed. */
  readonly usage: ReplyUsage | undefined;
  constructor(
    kind: ModelCallErrorKind,
    message: string,
    options: W4sErrorOptions & {
      status?: number | undefined;
      isRetryable?: boolean | undefined;
      isFatal?: boolean | undefined;
      usage?: ReplyUsage | undefined;
    } = {},
  ) {
    super(`model-${kind}`, message, options);
    this.kind = kind;
    this.status = options.status;
    this.isRetryable = options.isRetryable ?? false;
    this.isFatal = options.isFatal ?? FATAL_KINDS.has(kind);
    this.usage = options.usage;
  }
}

export type BudgetKind = "dollars" | "tokens" | "calls" | "minutes";

/** Limit of a run that was reached (exit 8): partial results are kept and the run can go on later. */
export class BudgetExceededError extends W4sError {
  readonly kind: BudgetKind;
  readonly limit: number;
  readonly used: number;
  constructor(kind: BudgetKind, limit: number, used: number) {
    super("budget", `budget spent: ${used} of ${limit} ${kind}`, {
      hint: `raise --max-${kind} and run the same command again to go on`,
    });
    this.kind = kind;
    this.limit = limit;
    this.used = used;
  }
}

/** Too many samples were lost to the executor to compare anything (exit 5). */
export class LostSamplesError extends W4sError {
  constructor(message: string, options: W4sErrorOptions = {}) {
    super("lost-samples", message, {
      hint: "run the same command again to fill them",
      ...options,
    });
  }
}

/** Disk full, read-only, damaged or unreadable state of ours (exit 6). */
export class StorageError extends W4sError {
  constructor(message: string, options: W4sErrorOptions & { code?: string | undefined } = {}) {
    super(options.code ?? "storage", message, options);
  }
}

/** Another process works in the same run directory (exit 7). */
export class RunInUseError extends W4sError {
  constructor(message: string, options: W4sErrorOptions = {}) {
    super("run-in-use", message, options);
  }
}

/** Queue that cannot be reached, or was away for too long (exit 4): the run can go on later. */
export class QueueError extends W4sError {
  constructor(message: string, options: W4sErrorOptions = {}) {
    super("queue", message, options);
  }
}

/** A bug of ours (exit 1). */
export class InternalError extends W4sError {
  constructor(message: string, options: W4sErrorOptions = {}) {
    super("internal", `internal: ${message}`, options);
  }
}

/** Classes that come back from JSON. */
const CLASSES: readonly (new (...args: never[]) => W4sError)[] = [
  ConfigError,
  NoSandboxError,
  InputError,
  FormatError,
  UnsupportedModelError,
  TrainingDivergedError,
  ShapeError,
  NotDifferentiableError,
  ModelCallError,
  BudgetExceededError,
  LostSamplesError,
  StorageError,
  RunInUseError,
  QueueError,
  InternalError,
];

/** The message of anything that was thrown, bounded and on one line. */
export function messageOf(error: unknown, maxLength = 500): string {
  let text: string;
  try {
    text = String(error instanceof Error ? error.message : error);
  } catch {
    // Thrown objects of foreign code may have no text, or one that throws itself.
    text = "an error that cannot be read";
  }
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}
