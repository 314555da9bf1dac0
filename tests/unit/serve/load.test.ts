/** @file A server under load, with clients that leave, workflows that misbehave, limits, and files that change. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addKey } from "../../../src/serve/key-ring.js";
import { importDataset } from "../../../src/tasks/import-dataset.js";
import { faults } from "../../support/fake-openai-server.js";
import { ECHO, type Served, useServer } from "../../support/served.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const start = useServer();
const newFolder = useTemporaryFolder();
const patience = new AbortController().signal;

interface Body {
  choices: { message: { content: string } }[];
  usage: { calls: number; cached_calls: number };
  error?: { code: string; message: string };
}
const bodyOf = async (response: Promise<Response>) => (await (await response).json()) as Body;
const answerOf = async (response: Promise<Response>) => (await bodyOf(response)).choices[0]?.message.content;
const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const metricOf = async ({ base }: Served, line: string) => {
  const text = await (await fetch(`${base}metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((one) => one.startsWith(`${line} `))
      ?.slice(line.length + 1),
  );
};

describe("many requests", () => {
  it("are all answered, each with its own answer, and those that are equal are all asked", async () => {
    const served = await start({ concurrency: 8, workflows: { echo: ECHO } });
    const questions = Array.from({ length: 120 }, (_, index) => `question ${index % 110}`);
    const texts: string[] = [];
    let next = 0;
    const client = async () => {
      for (let index = next++; index < questions.length; index = next++) {
        const isStream = index % 2 === 1;
        const response = await served.chat(questions[index]!, { stream: isStream });
        const text = await response.text();
        const chunks = isStream ? text.split("\n\n").filter((one) => /^data: \{/.test(one)) : [text];
        texts[index] = chunks
          .map((one) => JSON.parse(one.replace(/^data: /, "")).choices[0])
          .map(({ message, delta }) => message?.content ?? delta?.content ?? "")
          .join("");
      }
    };
    await Promise.all(Array.from({ length: 64 }, client));
    expect(texts).toEqual(questions.map((question) => `reply to: ${question}`));
    expect(served.fake.chats.length).toBe(120);
    expect(served.fake.maxInFlight).toBeLessThanOrEqual(8);
    expect(await metricOf(served, 'w4s_requests_total{model="echo",status="200"}')).toBe(120);
    expect(await metricOf(served, "w4s_requests_waiting")).toBe(0);
    expect(served.warnings).toEqual([]);
  });

  it("beyond the queue are refused with a time to come back", async () => {
    const served = await start({ concurrency: 1, serve: { queue: 1 }, fake: { delayMs: 300 } });
    const responses = await Promise.all(["a", "b", "c", "d"].map((question) => served.chat(question)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
    const refused = responses.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ error: { code: "queue_full", type: "rate_limit_error" } });
    expect(await answerOf(served.chat("e"))).toBe("reply to: e");
  });

  it("share replies where these are kept, and a seed asks for fresh ones", async () => {
    const served = await start({ cache: newFolder() });
    await served.chat("q");
    expect((await bodyOf(served.chat("q"))).usage).toMatchObject({ calls: 1, cached_calls: 1 });
    expect((await bodyOf(served.chat("q", { seed: 7 }))).usage).toMatchObject({ cached_calls: 0 });
    expect(served.fake.chats.length).toBe(2);
  });
});

describe("trouble", () => {
  it("of a client that leaves ends its workflow, streaming or not, and the next is served", async () => {
    const served = await start({ concurrency: 1 });
    for (const stream of [false, true]) {
      let isOpen = true;
      served.fake.queue(({ response }) => void response.once("close", () => (isOpen = false)));
      const before = served.fake.chats.length;
      const leaving = new AbortController();
      const asked = served.chat("q", { stream }, { signal: leaving.signal }).catch(() => "left");
      await until(() => served.fake.chats.length > before);
      leaving.abort();
      expect(await asked).toBe("left");
      await until(() => !isOpen);
    }
    expect(await answerOf(served.chat("next"))).toBe("reply to: next");
    expect(await metricOf(served, 'w4s_requests_total{model="echo",status="499"}')).toBe(2);
  });

  it("of workflows is told, and never takes the server down", async () => {
    const served = await start({
      limits: { cpuMs: 300, modelCalls: 3, memoryBytes: 16 * 1024 * 1024 },
      workflows: {
        loop: "export default async () => { for (;;); }",
        jobs: "export default async () => { const again = () => Promise.resolve().then(again); await again(); }",
        memory: "export default async () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); }",
        calls: "export default async (agent) => { for (;;) await agent.text('q'); }",
        flood:
          "export default async (agent) => Promise.all(Array.from({ length: 500 }, () => agent.text('q')))",
        throws: "export default async () => { throw { toString() { throw 1 } } }",
        reject: "export default async () => { Promise.reject(new Error('x')); await Promise.reject('y') }",
        never: "export default async () => new Promise(() => {})",
        none: "const nothing = 1;",
        cyclic: "export default async () => { const a = {}; a.a = a; return a; }",
        echo: ECHO,
      },
    });
    const statuses: Record<string, number> = {};
    await Promise.all(
      served.server.models.map(async (model) => {
        const response = await served.chat("q", { model });
        statuses[model] = response.status;
        if (response.status !== 200) expect(await response.json()).toHaveProperty("error.code");
      }),
    );
    expect(statuses).toMatchObject({
      ...{ loop: 504, memory: 507, calls: 429, flood: 429 },
      ...{ throws: 500, reject: 500, never: 500, none: 500, cyclic: 500, echo: 200 },
    });
    // Whichever limit it meets first.
    expect([504, 507]).toContain(statuses.jobs);
    expect(await answerOf(served.chat("after", { model: "echo" }))).toBe("reply to: after");
  });

  it("of the executor says its kind, not its address", async () => {
    const served = await start({ maxRetries: 0 });
    served.fake.queue(...Array.from({ length: 2 }, () => faults.status(500, "secret address")));
    const response = await served.chat("q");
    const text = await response.text();
    expect([response.status, JSON.parse(text).error.code]).toEqual([502, "model_server"]);
    expect(text).not.toMatch(/secret|127\.0\.0\.1/);
    expect(served.warnings.join("\n")).toContain("model_server");
    const late = await start({ serve: { timeoutMs: 100 }, fake: { delayMs: 2_000 } });
    expect((await late.chat("q")).status).toBe(504);
  });
});

describe("limits of a day", () => {
  it("refuse what comes after, for the key and for all, and outlive the process", async () => {
    const log = newFolder();
    const first = await start({ serve: { log, dayCalls: 2 } });
    const responses = await Promise.all(["a", "b", "c", "d"].map((question) => first.chat(question)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
    const refused = responses.find(({ status }) => status === 429)!;
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(await refused.json()).toMatchObject({ error: { code: "insufficient_quota" } });
    await first.server.stop(patience);
    const second = await start({ serve: { log, dayCalls: 2 } });
    expect((await second.chat("e")).status).toBe(429);
    const third = await start({ serve: { log, dayCalls: 3 } });
    expect((await third.chat("f")).status).toBe(200);
  });

  it("of one key leave the others theirs", async () => {
    const keys = join(newFolder(), "keys.json");
    const [ada, bob] = [await addKey(keys, "ada"), await addKey(keys, "bob")];
    const { chat } = await start({ serve: { keys, keyCalls: 1 } });
    const ask = (key: string) => chat("q", {}, { headers: { authorization: `Bearer ${key}` } });
    const statuses = [(await ask(ada)).status, (await ask(ada)).status, (await ask(bob)).status];
    expect(statuses).toEqual([200, 429, 200]);
  });

  it("in dollars need prices", async () => {
    await expect(start({ serve: { dayDollars: 1 } })).rejects.toThrow("needs the price");
  });
});

describe("a running server", () => {
  it("takes up a changed workflow; what runs keeps its version, and a broken file changes nothing", async () => {
    const served = await start({ workflows: { one: ECHO }, concurrency: 2 });
    const file = join(served.folder, "one.js");
    let go = () => {};
    served.fake.queue(async ({ response }) => {
      await new Promise<void>((resolve) => (go = resolve));
      await faults.status(200, {
        choices: [{ index: 0, message: { content: "late" }, finish_reason: "stop" }],
      })({
        response,
      } as never);
    });
    const early = answerOf(served.chat("q"));
    await until(() => served.fake.chats.length === 1);
    writeFileSync(file, 'export default async () => "new";');
    await until(() => served.notices.length > 0);
    expect(await answerOf(served.chat("q"))).toBe("new");
    go();
    expect(await early).toBe("late");
    writeFileSync(file, "export default async () => {");
    served.server.reload();
    expect(served.notices.at(-1)).toMatch(/^one stays /);
    expect(await answerOf(served.chat("q"))).toBe("new");
  });

  it("loses no request while its workflow is exchanged again and again, and then answers with the last one", async () => {
    const version = (number: number) =>
      `export default async (agent, task) => "${number}: " + (await agent.text(task.question))[0];`;
    const served = await start({ workflows: { one: version(0) }, concurrency: 4, fake: { delayMs: 5 } });
    const file = join(served.folder, "one.js");
    const answers: (string | undefined)[] = [];
    let [next, latest] = [0, 0];
    const client = async () => {
      for (let index = next++; index < 60; index = next++) {
        if (index % 10 === 9) {
          writeFileSync(file, version(++latest));
          served.server.reload();
        }
        const isStream = index % 2 === 1;
        const text = await (await served.chat(`q${index}`, { stream: isStream })).text();
        answers[index] = /"content":"(\d: reply to: q\d+)"/.exec(text)?.[1];
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    const versions = answers.map((answer, index) => {
      expect(answer).toMatch(new RegExp(`^\\d: reply to: q${index}$`));
      return Number(answer?.[0]);
    });
    expect(new Set(versions).size).toBeGreaterThan(3);
    expect(await answerOf(served.chat("after"))).toBe(`${latest}: reply to: after`);
    expect(served.warnings).toEqual([]);
  });

  it("finishes what runs when it is stopped, and gives up the rest when told to", async () => {
    const served = await start({ fake: { delayMs: 200 } });
    const early = served.chat("q");
    await until(() => served.fake.chats.length === 1);
    const stopped = served.server.stop(patience);
    const response = await early;
    expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
    await stopped;
    await expect(served.chat("r")).rejects.toThrow();
    const hanging = await start();
    hanging.fake.queue(faults.silence());
    const lost = hanging.chat("q");
    await until(() => hanging.fake.chats.length === 1);
    const hard = new AbortController();
    const ended = hanging.server.stop(hard.signal);
    hard.abort();
    expect((await lost).status).toBe(503);
    await ended;
  });

  it("keeps questions and answers as lines that are imported as a dataset", async () => {
    const log = newFolder();
    const served = await start({ serve: { log, redact: "emails" } });
    for (const question of ["one", "ask ada@example.org", "three"]) await served.chat(question);
    await served.chat("q", {
      messages: [
        { role: "system", content: "told" },
        { role: "user", content: "four" },
      ],
    });
    served.fake.queue(faults.status(401));
    expect((await served.chat("fails")).status).toBe(502);
    await served.server.stop(patience);
    const names = readdirSync(log).sort();
    expect(names).toEqual([expect.stringMatching(/^answers-/), expect.stringMatching(/^failures-/)]);
    expect(readFileSync(join(log, names[0]!), "utf8")).not.toContain("example.org");
    expect(readFileSync(join(log, names[1]!), "utf8")).toContain('"error":"model_auth"');
    const directory = join(newFolder(), "asked");
    const report = await importDataset({
      ...{ source: join(log, names[0]!), directory, kind: "text", splits: { train: 1 } },
      fields: { context: "context" },
    });
    expect(report.counts).toEqual({ train: 4 });
    expect(readFileSync(join(directory, "train.jsonl"), "utf8")).toContain("ask [email]");
  });
});
