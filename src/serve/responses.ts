/** @file POST /v1/responses in its plain text form: its bodies, its answers, and the events of its streams. */
import { type ApiError, badRequest } from "./api-error.js";
import { type AskedQuestion, count, type TurnMessage, truth } from "./asked-question.js";
import { readMessages, readModel, refuseWishes } from "./chat-request.js";
import { details, eventOf, type ServedAnswer, type Used } from "./served-answer.js";

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;

const REFUSED: Parameters<typeof refuseWishes>[1] = {
  tools: [isEmpty, "tools of the client are not supported; a workflow calls its own"],
  tool_choice: [(value) => value === "none" || value === "auto", "tools are not supported"],
  previous_response_id: [() => false, "nothing is stored; send the turns before in input"],
  conversation: [() => false, "nothing is stored; send the turns before in input"],
  background: [(value) => value === false, "answers are given at once"],
  include: [isEmpty, "further output is not supported"],
  prompt: [() => false, "stored prompts are not supported"],
  text: [
    (value) => ((value as { format?: { type?: unknown } }).format?.type ?? "text") === "text",
    'only the format {"type": "text"} is supported',
  ],
  top_logprobs: [(value) => value === 0, "log-probabilities are not supported"],
};

const MAX_TOKENS = 1_000_000;

/** @throws {ApiError} 400 naming the member */
export function readResponsesRequest(body: Readonly<Record<string, unknown>>): AskedQuestion {
  refuseWishes(body, REFUSED);
  count(body, "max_output_tokens", 1, MAX_TOKENS);
  const { input, instructions } = body;
  if (instructions !== undefined && instructions !== null && typeof instructions !== "string")
    throw badRequest("instructions must be a text", "instructions");
  const told: TurnMessage[] = instructions ? [{ role: "system", text: instructions }] : [];
  const asked: TurnMessage[] =
    typeof input === "string" ? [{ role: "user", text: input }] : readMessages(input, "input");
  return {
    model: readModel(body),
    messages: [...told, ...asked],
    isStream: truth(body, "stream"),
    isUsageStreamed: true,
    seed: undefined,
    stops: [],
  };
}

type Opening = Pick<ServedAnswer, "id" | "model" | "created">;

function responsesUsage({ calls, cachedCalls, promptTokens, completionTokens, dollars }: Used): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
    calls,
    cached_calls: cachedCalls,
    dollars,
  };
}

function responseOf(
  { id, model, created }: Opening,
  status: string,
  output: object[],
  more: object = {},
): object {
  return {
    ...{ id: `resp_${id}`, object: "response", created_at: created, status, model, output },
    ...{ error: null, incomplete_details: null, instructions: null, metadata: {}, tools: [] },
    ...{ tool_choice: "none", parallel_tool_calls: false, temperature: null, top_p: null },
    ...more,
  };
}

const part = (text: string) => ({ type: "output_text", text, annotations: [] });
const item = (id: string, status: string, content: object[]) => ({
  ...{ type: "message", id: `msg_${id}`, status, role: "assistant", content },
});

export function response(answer: ServedAnswer): object {
  const output = [item(answer.id, "completed", [part(answer.text)])];
  return responseOf(answer, "completed", output, {
    output_text: answer.text,
    usage: responsesUsage(answer.used),
    w4s: details(answer),
  });
}

/** The events of a stream, as chatChunks() gives those of a chat. */
export function responseEvents(opening: Opening): {
  opening: string[];
  closing: (answer: ServedAnswer) => string[];
  failing: (error: ApiError) => string[];
} {
  let sequence = 0;
  const event = (type: string, more: object) => eventOf({ type, sequence_number: sequence++, ...more }, type);
  const begun = responseOf(opening, "in_progress", []);
  const { id } = opening;
  const place = { output_index: 0, item_id: `msg_${id}`, content_index: 0 };
  return {
    opening: [
      event("response.created", { response: begun }),
      event("response.in_progress", { response: begun }),
      event("response.output_item.added", { output_index: 0, item: item(id, "in_progress", []) }),
      event("response.content_part.added", { ...place, part: part("") }),
    ],
    closing: (answer) => [
      event("response.output_text.delta", { ...place, delta: answer.text, logprobs: [] }),
      event("response.output_text.done", { ...place, text: answer.text, logprobs: [] }),
      event("response.content_part.done", { ...place, part: part(answer.text) }),
      event("response.output_item.done", {
        output_index: 0,
        item: item(id, "completed", [part(answer.text)]),
      }),
      event("response.completed", { response: response(answer) }),
    ],
    failing: (error) => {
      const { code, message } = error.body().error;
      return [
        event("response.failed", {
          response: responseOf(opening, "failed", [], { error: { code, message } }),
        }),
      ];
    },
  };
}
