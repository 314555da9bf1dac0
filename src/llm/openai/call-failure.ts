/** @file One failed attempt: the typed error it becomes when no retry helps, and how it may be retried. */
import { ModelCallError, type ModelCallErrorKind } from "../../core/errors.js";
import { escapeText } from "../escape-text.js";
import type { WaitHint } from "./wait-hint.js";

/**
 * `never`: asking again gives the same. `once`: one more try (a garbled reply). `count`: a bounded number.
 * `outage`: nobody is there; all lanes wait together, bounded by time. `rate-limit`: all lanes slow down.
 */
export type RetryRule = "never" | "once" | "count" | "outage" | "rate-limit";

/** Thrown inside the HTTP layer only; callers of a ChatModel see `error`. */
export class CallFailure extends Error {
  readonly error: ModelCallError;
  readonly rule: RetryRule;
  readonly hint: WaitHint | undefined;
  /** The request parameter the server does not know, where it names one. */
  readonly parameter: string | undefined;
  constructor(
    rule: RetryRule,
    error: ModelCallError,
    details: { hint?: WaitHint | undefined; parameter?: string | undefined } = {},
  ) {
    super(error.message, { cause: error });
    this.name = "CallFailure";
    this.rule = rule;
    this.error = error;
    this.hint = details.hint;
    this.parameter = details.parameter;
  }
}

export interface ErrorReply {
  /** Status of the reply; 200 when the error stands in the body of a success. */
  status: number;
  body: string;
  contentType: string;
  /** Request as messages name it: "POST http://host/v1/chat/completions". */
  where: string;
  /** Takes secrets out of what the server says; a 401 may echo the key. */
  redact: (text: string) => string;
  hint?: WaitHint | undefined;
}

/** True for an HTML page, which no OpenAI-compatible server sends. */
export function isHtml(contentType: string, body: string): boolean {
  return (
    /\btext\/html\b|\bxhtml\b/i.test(contentType) || /^\s*(<!doctype html|<html)/i.test(body.slice(0, 200))
  );
}

const NOT_OPENAI_HINT = "check the base URL; most servers want it to end in /v1";

/** Failure that a status and an error body stand for. */
export function failureOfReply(reply: ErrorReply): CallFailure {
  const details = errorDetails(reply.body);
  const status = details.status ?? reply.status;
  const isPage = isHtml(reply.contentType, reply.body);
  const said = isPage
    ? "an HTML page"
    : escapeText(reply.redact(details.message || reply.body.trim() || "no text"), 300);
  const text = `${details.code} ${details.type} ${details.message}`;
  const make = (
    kind: ModelCallErrorKind,
    rule: RetryRule,
    what: string,
    options: { hint?: string | undefined; isFatal?: boolean | undefined } = {},
  ) =>
    new CallFailure(
      rule,
      new ModelCallError(kind, `${reply.where}: ${what}`, {
        status: reply.status,
        isRetryable: rule !== "never",
        ...options,
      }),
      { hint: reply.hint, parameter: details.parameter },
    );

  // A quota that is told to be open again soon is one per minute.
  if (status === 402 || (isQuotaText(text) && (!reply.hint?.isDemand || /insufficient_quota/i.test(text)))) {
    return make("quota", "never", `the account has no credit left (${status}): ${said}`, {
      hint: "add credit or use another key, then run the same command again: it goes on where it stopped",
    });
  }
  if (status === 401 || status === 403 || status === 407) {
    return make("auth", "never", `the server refuses the key (${status}): ${said}`, {
      hint: "check the API key and that it belongs to this endpoint",
    });
  }
  if (status === 429) return make("rate-limit", "rate-limit", `too many requests (429): ${said}`);
  if (status >= 300 && status < 400) {
    return make("not-openai", "never", `answers with a redirect (${status}), which is not followed`, {
      hint: NOT_OPENAI_HINT,
    });
  }
  if (isContextText(text) || status === 413) {
    return make("context-length", "never", `the prompt does not fit the model (${status}): ${said}`, {
      hint: "shorten the prompt or lower maxTokens",
    });
  }
  if (isModelText(text, status)) {
    return make("model-not-found", "never", `the server does not have this model (${status}): ${said}`);
  }
  if (/content_filter|content_policy|responsibleai/i.test(text)) {
    return make("refused", "never", `the server's content filter refused the prompt (${status}): ${said}`);
  }
  if (status === 404 || status === 405 || status === 410 || (isPage && status < 500)) {
    return make("not-openai", "never", `not an OpenAI-compatible endpoint (${status}): ${said}`, {
      hint: NOT_OPENAI_HINT,
    });
  }
  if (UNAVAILABLE.has(status)) {
    return make("server", "outage", `the server is not available (${status}): ${said}`);
  }
  if (status >= 500 || status === 408 || status === 409) {
    return make("server", "count", `the server failed (${status}): ${said}`);
  }
  if (status < 300) return make("server", "count", `the server reports an error: ${said}`);
  return make("bad-request", "never", `the server refuses the request (${status}): ${said}`);
}

/** Gateways say so while the server behind them is gone, starting or overloaded. */
const UNAVAILABLE: ReadonlySet<number> = new Set([502, 503, 504, 529]);

function isQuotaText(text: string): boolean {
  return /insufficient_quota|billing_hard_limit|exceeded your current quota|credit balance is too low/i.test(
    text,
  );
}

function isContextText(text: string): boolean {
  return /context_length_exceeded|exceed_context_size|(maximum|available|the) context (length|size|window)|prompt is too long|context window/i.test(
    text,
  );
}

function isModelText(text: string, status: number): boolean {
  if (/model_not_found|deploymentnotfound|not a valid model/i.test(text)) return true;
  return (status === 404 || status === 400) && /\bmodel\b.{0,200}?(not found|not exist|unknown)/is.test(text);
}

interface ErrorDetails {
  message: string;
  code: string;
  type: string;
  parameter: string | undefined;
  /** An HTTP status given inside the body, as gateways do in replies of status 200. */
  status: number | undefined;
}

/** The error object in the shapes servers use: OpenAI, vLLM (flat), Ollama (text), FastAPI (detail), a list. */
function errorDetails(body: string): ErrorDetails {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { message: "", code: "", type: "", parameter: undefined, status: undefined };
  }
  if (Array.isArray(value)) value = value[0];
  const outer = record(value);
  const inner = typeof outer.error === "string" ? { message: outer.error } : record(outer.error ?? outer);
  const { detail } = outer;
  const message = inner.message ?? detail;
  const code = inner.code;
  const numeric = typeof code === "number" ? code : Number.NaN;
  return {
    message: typeof message === "string" ? message : message === undefined ? "" : JSON.stringify(message),
    code: typeof code === "string" ? code : "",
    type: typeof inner.type === "string" ? inner.type : "",
    parameter: typeof inner.param === "string" ? inner.param : undefined,
    status: Number.isInteger(numeric) && numeric >= 400 && numeric < 600 ? numeric : undefined,
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
