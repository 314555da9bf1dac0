/** @file Templates of models that think where nothing is said: they are told not to, unless it is asked for. */
import { expect, test } from "vitest";
import { renderChatTemplate } from "../../../src/llm/local/render-chat-template.js";

const MESSAGES = [{ role: "user" as const, content: "hi" }];
/** The lines of these models' templates that decide. */
const QWEN3 =
  "{%- for message in messages %}{{ message.content }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}" +
  "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}";
const SMOLLM3 =
  "{%- if enable_thinking is not defined -%}{%- set enable_thinking = true -%}{%- endif -%}" +
  "{%- set reasoning_mode = '/think' if enable_thinking else '/no_think' -%}{{ reasoning_mode }}";

const render = (template: string, isThinking: boolean) =>
  renderChatTemplate(template, MESSAGES, { bosText: "", eosText: "", isThinking });

test("Qwen3: an empty thought stands before the answer", () => {
  expect(render(QWEN3, false)).toMatch(/<think>\n\n<\/think>\n\n$/);
  expect(render(QWEN3, true)).not.toContain("<think>");
});

test("SmolLM3: the mode is said", () => {
  expect(render(SMOLLM3, false)).toBe("/no_think");
  expect(render(SMOLLM3, true)).toBe("/think");
});

test("a template that refuses the system role gets it in front of the first question", () => {
  const strict =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.role }}: {{ m.content }};{% endfor %}";
  const messages = [{ role: "system" as const, content: "You are terse." }, ...MESSAGES];
  expect(renderChatTemplate(strict, messages, { bosText: "", eosText: "", isThinking: false })).toBe(
    "user: You are terse.\n\nhi;",
  );
});
