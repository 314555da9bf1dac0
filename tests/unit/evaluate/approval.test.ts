/** @file Approval of workflows: who is asked, when, what is remembered; and the question at a terminal. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { askApproval } from "../../../src/cli/ask-approval.js";
import { sha256 } from "../../../src/core/hash.js";
import { ApprovalGate, type ApprovalGateOptions, isPaid } from "../../../src/evaluate/approval.js";
import { cardContext } from "../../../src/evaluate/card-context.js";
import { cardText, workflowCard } from "../../../src/evaluate/workflow-card.js";
import type { RunEvent } from "../../../src/records/run-event.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const workflow = (name: string) => {
  const source = `export default async (agent, task) => agent.text("${name}");\n`;
  return { hash: sha256(source), source };
};
const [a, b, c] = [workflow("a"), workflow("b"), workflow("c")] as const;

function gate(more: Partial<ApprovalGateOptions> = {}) {
  const events: RunEvent[] = [];
  const directory = folder();
  const emit = (event: RunEvent) => void events.push(event);
  const base = { isAsking: true, earlier: [], context: cardContext({}), emit, directory };
  return { gate: new ApprovalGate({ ...base, ...more }), events, directory };
}

const asking = (answers: ("yes" | "no" | "always" | "quit")[]) => {
  const asked: string[] = [];
  return {
    asked,
    ask: async ({ hash, card, source }: { hash: string; card: { hash: string }; source: string }) => {
      expect(card.hash).toBe(hash);
      expect(source).toContain("agent.text");
      asked.push(hash);
      return answers.shift() ?? "quit";
    },
  };
};

const answered = (events: readonly RunEvent[]) => events.filter((event) => event.type === "approval");

describe("ApprovalGate", () => {
  it("asks once for each workflow, and logs every answer", async () => {
    const { ask, asked } = asking(["yes", "no"]);
    const { gate: one, events } = gate({ ask });
    expect(await one.refused([a, b, a])).toEqual(new Set([b.hash]));
    expect(await one.refused([b, a])).toEqual(new Set([b.hash]));
    expect(asked).toEqual([a.hash, b.hash]);
    expect(events).toEqual([
      { type: "approval", workflow: a.hash, decision: "yes", by: "terminal" },
      { type: "approval", workflow: b.hash, decision: "no", by: "terminal" },
    ]);
    const later = gate({ ask, earlier: answered(events) });
    expect(await later.gate.refused([a, b])).toEqual(new Set([b.hash]));
    expect(later.events).toEqual([]);
  });

  it("lets all further ones through after always, also in the next session", async () => {
    const { ask, asked } = asking(["no", "always"]);
    const { gate: one, events } = gate({ ask });
    expect(await one.refused([a, b, c])).toEqual(new Set([a.hash]));
    expect(asked).toHaveLength(2);
    expect(await gate({ ask, earlier: answered(events) }).gate.refused([a, c])).toEqual(new Set([a.hash]));
  });

  it("ends the run on quit, without an answer for the rest", async () => {
    const { ask } = asking(["yes", "quit"]);
    const { gate: one, events } = gate({ ask });
    await expect(one.refused([a, b, c])).rejects.toThrow(DOMException);
    expect(events).toHaveLength(1);
  });

  it("asks one thing at a time where episodes ask at the same time, and nothing more after quit", async () => {
    let isAsking = false;
    const asked: string[] = [];
    const { gate: one } = gate({
      ask: async ({ hash }) => {
        expect(isAsking).toBe(false);
        isAsking = true;
        await new Promise((resolve) => setTimeout(resolve, 2));
        isAsking = false;
        asked.push(hash);
        return hash === b.hash ? "quit" : "no";
      },
    });
    const [first, ...others] = await Promise.allSettled([[a], [a, b], [c]].map((list) => one.refused(list)));
    expect(first).toMatchObject({ value: new Set([a.hash]) });
    expect(others.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(asked).toEqual([a.hash, b.hash]);
  });

  it("asks nothing where nothing is paid, but keeps to earlier refusals", async () => {
    const earlier = [{ workflow: a.hash, decision: "no" as const }];
    expect(await gate({ isAsking: false, earlier }).gate.refused([a, b])).toEqual(new Set([a.hash]));
  });

  it("goes by a file of hashes, and leaves what it does not know in the run", async () => {
    const file = join(folder(), "approved.txt");
    writeFileSync(file, `# reviewed\n${a.hash}\nno ${b.hash.slice(0, 12).toUpperCase()} # too dear\n\n`);
    const { gate: one, events, directory } = gate({ file });
    expect(await one.refused([a, b])).toEqual(new Set([b.hash]));
    expect(events.map((event) => event.type === "approval" && [event.decision, event.by])).toEqual([
      ["yes", "file"],
      ["no", "file"],
    ]);
    expect(existsSync(join(directory, "approvals"))).toBe(false);
    await expect(one.refused([a, c])).rejects.toThrow(/1 newly designed workflows wait for approval/);
    expect(readdirSync(join(directory, "approvals")).sort()).toEqual([`${c.hash}.js`, `${c.hash}.md`]);
  });

  it.each([["abc"], ["maybe 0123456789ab"], ["0123456789ab 0123456789ab"], ["0123456789ag"]])(
    "refuses a file with the line %j",
    (line) => {
      const file = join(folder(), "approved.txt");
      writeFileSync(file, `\n${line}\n`);
      expect(() => gate({ file })).toThrow(/line 2 is no approval/);
    },
  );

  it("refuses a file that is not there", () => {
    expect(() => gate({ file: join(folder(), "none") })).toThrow(/cannot read the approvals/);
  });
});

describe("isPaid", () => {
  it("is true for servers and aliases only", () => {
    expect(["simulated", "local:x.gguf", "replay:runs/x"].map((name) => isPaid(name, []))).toEqual([
      false,
      false,
      false,
    ]);
    expect(isPaid("openai:http://127.0.0.1:1/v1", [])).toBe(true);
    expect(isPaid("big", [])).toBe(true);
    expect(isPaid("simulated", ["big"])).toBe(true);
  });
});

describe("askApproval", () => {
  const terminal = () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = Object.assign(new PassThrough(), { isTTY: true });
    let shown = "";
    output.on("data", (chunk) => {
      shown += String(chunk);
    });
    return { input, output, shown: () => shown };
  };
  const request = { ...a, card: workflowCard(a.source, cardContext({})) };

  it.each([
    ["y\n", "yes"],
    [" NO \n", "no"],
    ["what?\n\nalways\n", "always"],
    ["q\n", "quit"],
  ])("%j is %s", async (typed, answer) => {
    const { input, output, shown } = terminal();
    let paused = 0;
    const ask = askApproval({ input, output }, cardText, () => paused++);
    const reply = ask?.(request);
    for (const line of typed.split(/(?<=\n)/)) {
      await new Promise((resolve) => setImmediate(resolve));
      input.write(line);
    }
    expect(await reply).toBe(answer);
    expect(shown()).toContain("asks the executor (agent.text): at most once");
    expect(shown()).toContain(a.source);
    expect(paused).toBe(1);
  });

  it("takes the end of the input for quit, and shows no control characters", async () => {
    const { input, output, shown } = terminal();
    const reply = askApproval({ input, output }, cardText, () => {})?.({ ...request, source: "\u001b[2Jx" });
    input.end();
    expect(await reply).toBe("quit");
    expect(shown()).toContain("\\x1b[2Jx");
  });

  it("asks nobody where either end is no terminal", () => {
    const { input, output } = terminal();
    expect(askApproval({ input: new PassThrough(), output }, cardText, () => {})).toBeUndefined();
    expect(askApproval({ input, output: new PassThrough() }, cardText, () => {})).toBeUndefined();
  });
});
