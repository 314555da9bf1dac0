/** @file Errors as clients of the OpenAI API know them: status, message, type, param and code. */
import { BudgetExceededError, ModelCallError, messageOf, W4sError } from "../core/errors.js";
import type { WorkflowStatus } from "../workflow/workflow-run.js";

export interface ApiErrorOptions {
  /** Member of the request that is wrong, such as `messages[2].content`. */
  param?: string | undefined;
  /** Seconds after which it is worth asking again; sent as the header retry-after. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** Refusal or failure of one request; `status` is that of the answer. */
export class ApiError extends W4sError {
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    { param, retryAfter, cause }: ApiErrorOptions = {},
  ) {
    super(code, message, { cause });
    this.status = status;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  /** The body of the answer. */
  body(): { error: { message: string; type: string; param: string | null; code: string } } {
    const { message, status, param = null, code } = this;
    return { error: { message, type: typeOf(status), param, code } };
  }

  /**
   * Headers of the answer. Clients of OpenAI's try 429 and 5xx again by themselves; x-should-retry stops them where the
   * same would come out, and be paid, once more.
   */
  headers(): Record<string, string> {
    const { status, retryAfter } = this;
    if (retryAfter !== undefined) return { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) };
    return status === 429 || status >= 500 ? { "x-should-retry": "false" } : {};
  }
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** A request that cannot be answered as it is. */
export function badRequest(message: string, param?: string, code = "invalid_value"): ApiError {
  return new ApiError(400, code, message, { param });
}

/** A wish that workflows cannot meet. */
export function unsupported(param: string, what: string): ApiError {
  return badRequest(`${param}: ${what}`, param, "unsupported_parameter");
}

/** Status of the answer by that of the run. */
const STATUS_OF_RUN: Readonly<Record<Exclude<WorkflowStatus, "ok">, number>> = {
  "timed-out": 504,
  "out-of-memory": 507,
  budget: 429,
  "extract-failed": 500,
  refused: 500,
  threw: 500,
  "too-big": 500,
  "bad-result": 500,
};

/** A workflow that gave no answer. */
export function failedWorkflow(status: WorkflowStatus, error: string | undefined): ApiError {
  return new ApiError(
    STATUS_OF_RUN[status as Exclude<WorkflowStatus, "ok">],
    `workflow_${status.replaceAll("-", "_")}`,
    `the workflow ended as ${status}${error ? `: ${error}` : ""}`,
  );
}

/** What an error of ours looks like from outside; what is not meant for clients (addresses, paths) is left out. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof BudgetExceededError) {
    const { kind, limit } = error;
    return new ApiError(429, "insufficient_quota", `the limit of ${limit} ${kind} is reached`, {
      cause: error,
    });
  }
  if (error instanceof ModelCallError) {
    const { kind } = error;
    const words = kind.replaceAll("-", " ");
    if (kind === "timeout")
      return new ApiError(504, "model_timeout", "a model did not answer in time", { cause: error });
    if (kind === "rate-limit")
      return new ApiError(503, "model_rate_limit", "a model is asked too often at the moment", {
        retryAfter: 10,
        cause: error,
      });
    if (kind === "context-length")
      return new ApiError(400, "context_length_exceeded", "the input is too long for the model", {
        cause: error,
      });
    return new ApiError(
      502,
      `model_${kind.replaceAll("-", "_")}`,
      `a model gave no usable reply (${words})`,
      {
        cause: error,
      },
    );
  }
  const message = W4sError.is(error)
    ? "the server cannot answer this; its log says more"
    : "internal error of the server";
  return new ApiError(500, "server_error", message, { cause: error });
}

/** An error for the operator, on one line with its cause. */
export function operatorLine(error: ApiError): string {
  const { cause } = error;
  return `${error.status} ${error.code}: ${messageOf(cause ?? error)}`;
}
