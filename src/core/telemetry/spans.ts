/**
 * @file Spans of OpenTelemetry around runs, episodes, candidates, samples and calls. Without an SDK in the process the API does
 * nothing. What models are told and what they say is in no span unless the environment asks for it.
 */
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { W4sError } from "../errors.js";

const tracer = trace.getTracer("w4s");

/** Variable of the GenAI conventions; its values that mean spans. */
const CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
const CAPTURES = /^(true|1|span_only|span_and_event)$/i;

/** Whether spans may hold what models are told and what they say. */
export function showsContent(): boolean {
  return CAPTURES.test(process.env[CAPTURE] ?? "");
}

/**
 * Runs work inside a span, which ends with it; an error that it throws is the span's too.
 * @param isCall - another system is asked. Default false
 */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  isCall = false,
): Promise<T> {
  const kind = isCall ? SpanKind.CLIENT : SpanKind.INTERNAL;
  return await tracer.startActiveSpan(name, { attributes, kind }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Marks a span as failed. The message may quote a prompt, so it is held where content is. */
export function failSpan(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  const type = W4sError.is(error) ? error.code : error instanceof Error ? error.name : typeof error;
  span.setAttribute("error.type", type);
  const message = showsContent() && error instanceof Error ? { message: error.message } : {};
  span.setStatus({ code: SpanStatusCode.ERROR, ...message });
}

/** Marks a span as failed in a way that is data, such as the status of a workflow. */
export function failSpanAs(span: Span, type: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The same function, run below the span of now whoever calls it: queues and messages of other processes know none. */
export function inThisSpan<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R {
  return context.bind(context.active(), work);
}

/** Runs work below the span that a request names in its header traceparent, where a propagator is registered. */
export function belowCaller<T>(headers: Headers, work: () => T): T {
  const getter = {
    keys: (carrier: Headers) => [...carrier.keys()],
    get: (carrier: Headers, name: string) => carrier.get(name) ?? undefined,
  };
  return context.with(propagation.extract(context.active(), headers, getter), work);
}

const CANDIDATES = createContextKey("w4s candidates");

/** Spans of the candidates of one turn: each begins with the first sample it is run on, and all end with the turn. */
export class CandidateSpans {
  readonly #parent = context.active();
  readonly #others: ReadonlySet<string>;
  readonly #spans = new Map<string, { span: Span; below: Context }>();

  /** @param others - hashes of workflows that are measured beside the candidates and have no span of their own */
  constructor(others: ReadonlySet<string>) {
    this.#others = others;
  }

  /** Runs work whose samples are each below the span of their workflow. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await context.with(this.#parent.setValue(CANDIDATES, this), work);
    } catch (error) {
      for (const { span } of this.#spans.values()) failSpan(span, error);
      this.end(() => ({}));
      throw error;
    }
  }

  /** @param described - attributes of a workflow, by its hash */
  end(described: (hash: string) => Attributes): void {
    for (const [hash, { span }] of this.#spans) span.setAttributes(described(hash)).end();
    this.#spans.clear();
  }

  below(hash: string): Context {
    const known = this.#spans.get(hash);
    if (known) return known.below;
    if (this.#others.has(hash)) return this.#parent;
    const span = tracer.startSpan("candidate", { attributes: { "w4s.workflow.hash": hash } }, this.#parent);
    const below = trace.setSpan(this.#parent, span);
    this.#spans.set(hash, { span, below });
    return below;
  }
}

/** Runs work below the span of a workflow of the turn, elsewhere below that of now. To be called before a queue is entered. */
export function belowCandidate<T>(hash: string, work: () => T): () => T {
  const now = context.active();
  const candidates = now.getValue(CANDIDATES) as CandidateSpans | undefined;
  return () => context.with(candidates?.below(hash) ?? now, work);
}
