/** @file The span of one call to a model, by the names of OpenTelemetry's GenAI conventions. */
import type { Attributes, Span } from "@opentelemetry/api";
import { showsContent, withSpan } from "../core/telemetry/spans.js";
import type { ChatRequest, Usage } from "./chat-model.js";

/** What a span tells of an answer. */
export interface SpanAnswer {
  model: string;
  usage: Usage;
  finishReasons: readonly string[];
  texts: readonly string[];
}

/**
 * A call that goes to a model.
 * @param id - of the model
 * @param role - who asks
 * @param answerOf - what the span tells of the result; asked only where the span is kept
 * @throws as `ask`
 */
export async function inModelSpan<T>(
  id: string,
  role: string,
  request: ChatRequest,
  ask: () => Promise<T>,
  answerOf: (result: T) => SpanAnswer,
): Promise<T> {
  const { provider, model, address } = namesOf(id);
  const attributes: Attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": provider,
    "gen_ai.request.model": model,
    "w4s.role": role,
    ...address,
  };
  const work = async (span: Span) => {
    if (!span.isRecording()) return await ask();
    span.setAttributes(requestAttributes(request));
    const result = await ask();
    span.setAttributes(resultAttributes(answerOf(result)));
    return result;
  };
  return await withSpan(`chat ${model}`, attributes, work, true);
}

function requestAttributes({ messages, n = 1, temperature, maxTokens, seed, stop }: ChatRequest): Attributes {
  return {
    "gen_ai.request.temperature": temperature,
    "gen_ai.request.max_tokens": maxTokens,
    "gen_ai.request.seed": seed,
    "gen_ai.request.choice.count": n === 1 ? undefined : n,
    "gen_ai.request.stop_sequences": stop && [...stop],
    "gen_ai.input.messages": contentOf(() =>
      messages.map(({ role, content }) => ({ role, parts: [text(content)] })),
    ),
  };
}

function resultAttributes({ model, usage, finishReasons, texts }: SpanAnswer): Attributes {
  return {
    "gen_ai.response.model": model,
    "gen_ai.response.finish_reasons": [...finishReasons],
    "gen_ai.usage.input_tokens": usage.promptTokens,
    "gen_ai.usage.output_tokens": usage.completionTokens,
    "gen_ai.output.messages": contentOf(() =>
      texts.map((one, index) => ({
        role: "assistant",
        parts: [text(one)],
        finish_reason: finishReasons[index],
      })),
    ),
  };
}

const text = (content: string) => ({ type: "text", content });

function contentOf(messages: () => object[]): string | undefined {
  return showsContent() ? JSON.stringify(messages()) : undefined;
}

/** From the id of a model: "openai:http://host:8080/v1#name", "local:<sha256>", "simulated:…". */
function namesOf(id: string): { provider: string; model: string; address?: Attributes } {
  const [, url = "", name = ""] = /^openai:([^#]+)#(.*)$/s.exec(id) ?? [];
  if (!URL.canParse(url)) {
    const kind = id.split(":", 1)[0] ?? "";
    return { provider: kind === "local" ? "llama.cpp" : kind, model: id };
  }
  const { hostname, port, protocol } = new URL(url);
  const number = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
  return { provider: "openai", model: name, address: { "server.address": hostname, "server.port": number } };
}
