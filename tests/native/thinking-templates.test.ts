/** @file Templates of models that think by default: prompted and trained without it, in llama.cpp's own ids. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { getLlama } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { chatExamples } from "../../src/learn/examples/chat-examples.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const END_OF_TURN = 2;

/** As Qwen3-0.6B's: thoughts of earlier replies go, and an empty thought stands before a reply that is to have none. */
const QWEN3 = `{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or reasoning_content) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}`;

/** As SmolLM3's: a system message with the date and the mode, whether there is one in the conversation or not. */
const SMOLLM3 = `{%- if enable_thinking is not defined -%}
{%- set enable_thinking = true -%}
{%- endif -%}
{%- if enable_thinking -%}
  {%- set reasoning_mode = "/think" -%}
{%- else -%}
  {%- set reasoning_mode = "/no_think" -%}
{%- endif -%}
{{- "<|im_start|>system\\n" -}}
{%- set custom = "You are a helpful assistant." -%}
{%- if messages[0].role == "system" -%}
  {%- set custom = messages[0].content.replace("/no_think", "").replace("/think", "").rstrip() -%}
{%- endif -%}
{{- "## Metadata\\n\\nToday Date: " + strftime_now("%d %B %Y") + "\\nReasoning Mode: " + reasoning_mode + "\\n\\n" -}}
{{- "## Custom Instructions\\n\\n" + custom + "\\n\\n<|im_end|>\\n" -}}
{%- for message in messages -%}
  {%- if message.role == "user" -%}
    {{ "<|im_start|>user\\n" + message.content + "<|im_end|>\\n" }}
  {%- elif message.role == "assistant" -%}
    {%- if reasoning_mode == "/think" -%}
      {{ "<|im_start|>assistant\\n" + message.content.lstrip("\\n") + "<|im_end|>\\n" }}
    {%- else -%}
      {{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" + message.content.lstrip("\\n") + "<|im_end|>\\n" }}
    {%- endif -%}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {%- if reasoning_mode == "/think" -%}
    {{ "<|im_start|>assistant\\n" }}
  {%- else -%}
    {{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" }}
  {%- endif -%}
{%- endif -%}`;

const SYSTEM = "You write short programs.";
const [FIRST, SECOND] = ["What is 2 + 3?", "And without the 3?"];
const [REPLY, LAST] = ["The answer is 5.", "The answer is 2."];

const turn = (role: string, text: string) => `<|im_start|>${role}\n${text}<|im_end|>\n`;
const smolSystem = `## Metadata\n\nToday Date: 01 Jan 2025\nReasoning Mode: /no_think\n\n## Custom Instructions\n\n${SYSTEM}\n\n`;

/** Up to the last reply, which follows. */
const CASES = [
  {
    family: "qwen3",
    template: QWEN3,
    prompt: `${turn("system", SYSTEM)}${turn("user", FIRST)}${turn("assistant", REPLY)}${turn("user", SECOND)}<|im_start|>assistant\n<think>\n\n</think>\n\n`,
  },
  {
    family: "smollm3",
    template: SMOLLM3,
    prompt: `${turn("system", smolSystem)}${turn("user", FIRST)}${turn("assistant", `<think>\n\n</think>\n${REPLY}`)}${turn("user", SECOND)}<|im_start|>assistant\n<think>\n\n</think>\n`,
  },
] as const;

describe("models that think unless they are told not to", () => {
  for (const { family, template, prompt } of CASES) {
    it(`${family}: prompt and training text are those without thinking, id by id`, async () => {
      const folder = newFolder();
      const modelPath = makeTinyGguf(join(folder, "tiny.gguf"), {
        family,
        blocks: 4,
        chatTemplate: template,
      });
      const conversation = [
        { role: "system" as const, content: SYSTEM },
        { role: "user" as const, content: FIRST },
        { role: "assistant" as const, content: REPLY },
        { role: "user" as const, content: SECOND },
      ];
      const chat = join(folder, "chat.jsonl");
      const messages = [...conversation, { role: "assistant", content: LAST }];
      writeFileSync(chat, `${JSON.stringify({ messages })}\n`);
      await using model = await LocalModel.load({ modelPath, gpu: "off", threads: 1 });
      const rendered = await model.renderPrompt(conversation);
      const { examples } = await chatExamples(chat, model, {
        weigh: (rows) => rows.map(() => 1),
        spans: "last",
        endToken: END_OF_TURN,
      });
      const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" as never });
      const own = await llama.loadModel({ modelPath, vocabOnly: true } as never);
      const idsOf = (text: string) => Array.from(own.tokenize(text, true), Number);
      expect(rendered.text).toBe(prompt);
      expect(rendered.tokens).toEqual(idsOf(prompt));
      const [example] = examples;
      expect(Array.from(example?.tokens ?? [])).toEqual(idsOf(`${prompt}${LAST}<|im_end|>`));
      const learnt = Array.from(example?.lossMask ?? []).filter((flag) => flag === 1).length;
      expect(learnt).toBe(idsOf(`${LAST}<|im_end|>`).length);
      await own.dispose();
      await llama.dispose();
    });
  }
});
