/** @file Chat templates: Jinja from the model file, bounded in time and size, and safe against marks in contents. */
import { Script } from "node:vm";
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import type { ChatMessage } from "../chat-model.js";
import { escapeRegExp } from "../escape-text.js";
import { mergeSystemRole } from "../merge-system-role.js";
import { LocalFailure } from "./local-protocol.js";

/** Of the clock: a healthy template takes milliseconds, but a busy machine may hold the process up. */
const MAX_MS = 5000;
const MAX_BYTES = 1024 * 1024;
/** Templates that print the date would give another prompt every day. */
const FIXED_DATE = "01 Jan 2025";
const SLOT = Symbol.for("w4s.render");
const CALL_SLOT = new Script("globalThis[Symbol.for('w4s.render')]()");

const MAX_RANGE = 100_000;

/** Names that every template may use. Not the package's own set: its clock is real, and its ranges have no end. */
const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  strftime_now: () => FIXED_DATE,
  range: (start: number, stop?: number, step = 1) => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (!(length <= MAX_RANGE)) throw new Error(`range of ${length} elements`);
    return Array.from({ length }, (_, index) => from + index * step);
  },
};

export interface RenderVariables {
  bosText: string;
  eosText: string;
  /** As `enable_thinking`: templates that know it (Qwen3, SmolLM3) let the model think where nothing is said. */
  isThinking: boolean;
}

/**
 * Renders messages up to the point where the assistant's reply begins.
 * A template that refuses the system role gets it in front of the first user message.
 * @throws {LocalFailure} "bad-template" when it fails, takes longer than 5 s or gives more than 1 MiB.
 */
export function renderChatTemplate(
  source: string,
  messages: readonly ChatMessage[],
  variables: RenderVariables,
): string {
  try {
    return bounded(source, messages, variables);
  } catch (error) {
    if (error instanceof LocalFailure || !messages.some(({ role }) => role === "system"))
      throw asFailure(error);
    try {
      return bounded(source, mergeSystemRole(messages), variables);
    } catch (second) {
      throw asFailure(second);
    }
  }
}

function asFailure(error: unknown): LocalFailure {
  if (error instanceof LocalFailure) return error;
  return new LocalFailure("bad-template", error instanceof Error ? error.message : String(error));
}

/** The renderer has no limit on loops: the watchdog of node:vm ends whatever runs inside the call. */
function bounded(source: string, messages: readonly ChatMessage[], variables: RenderVariables): string {
  const slots = globalThis as unknown as Record<symbol, (() => string) | undefined>;
  slots[SLOT] = () => {
    const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    const environment = new Environment();
    const values = {
      ...GLOBALS,
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: true,
      bos_token: variables.bosText,
      eos_token: variables.eosText,
      enable_thinking: variables.isThinking,
      date_string: FIXED_DATE,
    };
    for (const [name, value] of Object.entries(values)) environment.set(name, value);
    return String(new Interpreter(environment).run(program).value);
  };
  let text: string;
  try {
    text = CALL_SLOT.runInThisContext({ timeout: MAX_MS }) as string;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new LocalFailure("bad-template", `takes longer than ${MAX_MS} ms to render`);
  } finally {
    slots[SLOT] = undefined;
  }
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new LocalFailure("bad-template", `gives more than ${MAX_BYTES} bytes`);
  return text;
}

/** Private-use character: never part of a control token. */
const CUT = "\uF8F5";

/**
 * Marks contents so that control tokens spelt out in them can be told from those of the template: a cut mark
 * is put behind the first character of each. Splitting the rendered text at the marks and tokenising the
 * pieces keeps all of the text, but none of the spelt-out tokens in one piece.
 */
export class ContentGuard {
  readonly #texts: readonly string[];
  readonly #pattern: RegExp | undefined;
  /** A run of the mark longer than any in the contents. */
  readonly mark: string;

  constructor(controlTexts: readonly string[], messages: readonly ChatMessage[]) {
    let mark = CUT;
    while (messages.some(({ content }) => content.includes(mark))) mark += CUT;
    this.mark = mark;
    // A text of one character cannot be cut; no tokenizer in use has such a control token.
    this.#texts = controlTexts.filter((text) => text.length > 1);
    const escaped = this.#texts.map(escapeRegExp);
    this.#pattern = escaped.length > 0 ? new RegExp(`(?=(?:${escaped.join("|")}))`, "g") : undefined;
  }

  protect(messages: readonly ChatMessage[]): ChatMessage[] {
    return messages.map(({ role, content }) => ({ role, content: this.#edge(content) }));
  }

  /** A token half in the content and half in the template is cut at the border. */
  #edge(content: string): string {
    if (content === "") return content;
    const isAny = (test: (text: string, at: number) => boolean) =>
      this.#texts.some((text) =>
        Array.from({ length: text.length - 1 }, (_, i) => i + 1).some((at) => test(text, at)),
      );
    const before = isAny((text, at) => content.startsWith(text.slice(at))) ? this.mark : "";
    const after = isAny((text, at) => content.endsWith(text.slice(0, at))) ? this.mark : "";
    return before + this.#cut(content) + after;
  }

  /** Positions are found in one pass over the untouched text, so that overlapping texts are all cut. */
  #cut(content: string): string {
    if (!this.#pattern) return content;
    let out = "";
    let from = 0;
    for (const { index } of content.matchAll(this.#pattern)) {
      const end = index + ((content.codePointAt(index) as number) > 0xffff ? 2 : 1);
      out += content.slice(from, end) + this.mark;
      from = end;
    }
    return out + content.slice(from);
  }

  split(rendered: string): string[] {
    return rendered.split(this.mark);
  }
}
