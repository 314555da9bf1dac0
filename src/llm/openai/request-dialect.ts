/** @file The request body, less what this model's server has turned out not to know. */
import type { ChatRequest } from "../chat-model.js";
import type { CompletionBody } from "./openai-wire.js";

/** Parameters that can be left out of a request without changing what is asked. */
const OPTIONAL = ["seed", "n", "temperature", "response_format", "stop", "stream_options"] as const;
type OptionalParameter = (typeof OPTIONAL)[number];

/**
 * Servers differ: reasoning models take `max_completion_tokens` and one temperature only, small servers
 * know no seed. What a server refuses by name is left out from then on.
 */
export class RequestDialect {
  readonly #left = new Set<OptionalParameter>();
  #mostChoices = Number.POSITIVE_INFINITY;
  #tokenLimit: "max_tokens" | "max_completion_tokens" = "max_tokens";

  body(
    model: string,
    request: ChatRequest,
    options: { n: number; seed: number | undefined; maxTokens: number; isStream: boolean },
  ): CompletionBody {
    const body: Record<string, unknown> = {
      model,
      messages: request.messages.map(({ role, content }) => ({ role, content })),
      temperature: request.temperature ?? 0,
      [this.#tokenLimit]: options.maxTokens,
    };
    const n = Math.min(options.n, this.mostChoices);
    if (n > 1) body.n = n;
    if (options.seed !== undefined) body.seed = options.seed;
    if (request.stop !== undefined && request.stop.length > 0) body.stop = [...request.stop];
    if (request.json) body.response_format = { type: "json_object" };
    if (options.isStream) {
      body.stream = true;
      body.stream_options = { include_usage: true };
    }
    for (const name of this.#left) delete body[name];
    return body as unknown as CompletionBody;
  }

  /** Replies one request may ask for: llama-server allows as many as it has slots. */
  get mostChoices(): number {
    return this.#left.has("n") ? 1 : this.#mostChoices;
  }

  /** From now on one reply a request (servers that ignore n). */
  askSingly(): void {
    this.#left.add("n");
  }

  /**
   * Learns from a refusal (status 400 or 422).
   * @param parameter - the name the server gives, if any
   * @returns what to tell the user, or undefined when nothing can be changed.
   */
  adapt(parameter: string | undefined, message: string): string | undefined {
    const most = Number(/['"`]n['"`].*<=\s*(\d+)/.exec(message)?.[1]);
    if (most >= 1 && most < this.mostChoices) {
      this.#mostChoices = most;
      return `asks for at most ${most} replies at once`;
    }
    const isRefusal =
      /unsupported|not supported|unrecognized|unknown|not permitted|extra (inputs|fields)|only the default/i;
    if (!isRefusal.test(message)) return undefined;
    const named = (name: string) =>
      parameter === name || (parameter === undefined && new RegExp(`['"\`]${name}['"\`]`).test(message));
    if (named("max_tokens") && this.#tokenLimit === "max_tokens") {
      this.#tokenLimit = "max_completion_tokens";
      return "sends max_completion_tokens instead of max_tokens";
    }
    const refused = OPTIONAL.find((name) => named(name) && !this.#left.has(name));
    if (refused === undefined) return undefined;
    this.#left.add(refused);
    return `leaves out ${refused}`;
  }
}
