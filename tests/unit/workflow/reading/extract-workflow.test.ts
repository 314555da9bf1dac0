import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extractWorkflow } from "../../../../src/workflow/reading/extract-workflow.js";

const CODE = "export default async function workflow(agent, task) {\n  return 1;\n}";
const SOURCE = `${CODE}\n`;
const ok = { ok: true, source: SOURCE };

describe("extractWorkflow", () => {
  it.each([
    ["a plain block", `Use steps.\n\n\`\`\`js\n${CODE}\n\`\`\`\nDone.`],
    ["a block without a language", `\`\`\`\n${CODE}\n\`\`\``],
    ["tildes", `~~~javascript\n${CODE}\n~~~`],
    ["an indented block", `1. This:\n\n    \`\`\`js\n${CODE}\n    \`\`\``],
    ["attributes behind the language", `\`\`\`js title="a.mjs"\n${CODE}\n\`\`\``],
    ["a block that is never closed", `Idea.\n\`\`\`js\n${CODE}`],
    ["a longer fence", `\`\`\`\`js\n${CODE}\n\`\`\`\``],
    ["a wrapper with a longer fence", `\`\`\`\`markdown\nIdea.\n\`\`\`js\n${CODE}\n\`\`\`\n\`\`\`\``],
    ["a wrapper with the same fence", `\`\`\`markdown\nIdea.\n\`\`\`js\n${CODE}\n\`\`\`\n\`\`\``],
    ["no fence at all", `${CODE}\n\n`],
    ["a byte order mark", `\ufeff${CODE}`],
    ["two blocks: the last", `\`\`\`js\nexport default () => 0;\n\`\`\`\nBetter:\n\`\`\`js\n${CODE}\n\`\`\``],
    ["an unclosed first block", `\`\`\`js\nexport default () => 0;\n\`\`\`js\n${CODE}\n\`\`\``],
    ["a later block without a workflow", `\`\`\`js\n${CODE}\n\`\`\`\n\`\`\`js\nworkflow.call();\n\`\`\``],
    ["a later block in another language", `\`\`\`js\n${CODE}\n\`\`\`\n\`\`\`python\nworkflow = 1\n\`\`\``],
  ])("reads %s", (_name, reply) => {
    expect(extractWorkflow(reply)).toEqual(ok);
  });

  it("keeps programs inside prompts", () => {
    const code = "export default (agent) => agent.text(`Write:\n```python\nprint(1)\n```\nNothing else.`);";
    expect(extractWorkflow(`\`\`\`js\n${code}\n\`\`\`\nText.`)).toEqual({ ok: true, source: `${code}\n` });
  });

  it.each([
    ["nothing", ""],
    ["prose", "Let us think step by step."],
    ["another language", "```python\ndef workflow(): pass\n```"],
    ["a block without a workflow", "```js\nconst a = 1;\n```"],
    ["an unclosed wrapper only", "```json\n{}"],
    ["inline code", "```js export default 1```"],
  ])("refuses %s", (_name, reply) => {
    expect(extractWorkflow(reply)).toMatchObject({ ok: false, error: expect.stringContaining("```js") });
  });

  it("refuses by size: 2 MB of prose, and a source over 256 KiB", () => {
    const refused = { ok: false, error: "the reply is longer than 262144 bytes" };
    expect(extractWorkflow(`${"x ".repeat(1_000_000)}\n\`\`\`js\n${CODE}\n\`\`\``)).toEqual(refused);
    expect(extractWorkflow(`\`\`\`js\n${CODE}\n// ${"ü".repeat(131_072)}\n\`\`\``)).toEqual(refused);
  });

  it("gives the same source for every kind of line break", () => {
    const pieces = [
      "text",
      "```js",
      "```",
      "~~~",
      "````md",
      "```python",
      CODE.replaceAll("\n", " "),
      "",
      "  x",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 14 }), (lines) => {
        const expected = extractWorkflow(lines.join("\n"));
        for (const end of ["\r\n", "\r", "\u2028", "\u2029", "\u0085"]) {
          expect(extractWorkflow(lines.join(end))).toEqual(expected);
        }
      }),
    );
  });

  it("takes linear time on hostile fences", () => {
    const startedAt = process.cpuUsage();
    extractWorkflow("```".repeat(80_000));
    extractWorkflow("```x\n".repeat(50_000));
    extractWorkflow(`\`\`\`js\n${"workflow ".repeat(28_000)}`);
    extractWorkflow(`\`\`\`js\nfunction${" ".repeat(250_000)}x`);
    extractWorkflow(`\`\`\`js\n${"export ".repeat(30_000)}`);
    // Quadratic behaviour would take minutes.
    expect(process.cpuUsage(startedAt).user / 1000).toBeLessThan(20_000);
  });
});
