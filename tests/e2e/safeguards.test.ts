/** @file Rules file, approval and export of prompts at the command line, against a server that counts what reaches it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTrajectory } from "../../src/records/trajectory.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { withoutPrograms } from "../support/no-programs.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
let home: string;
let server: FakeOpenAI;
let executor: string[];

beforeAll(async () => {
  home = folder();
  server = await startFakeOpenAI({ reply: () => "the answer is 3" });
  executor = ["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model"];
});
afterAll(async () => server.close());

const file = (name: string, content: string): string => {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
};

describe("--rules", () => {
  const plain = "export default async (agent, task) => (await agent.text(task.question))[0];\n";

  it("stops a forbidden topic before it leaves, in run and in eval, and logs it", async () => {
    const rules = file("rules.yaml", "forbid:\n  topics: [patient]\n  calls: [runPython]\n");
    const workflow = file("w.js", plain);
    const asked = server.requests.length;
    const run = (question: string) =>
      runCli(["run", workflow, "--question", question, ...executor, "--rules", rules]);
    expectFailure(
      await run("How is the patient?"),
      5,
      /rules forbid a topic in a prompt \(forbid\.topics: "patient"\)/,
    );
    expect(server.requests.slice(asked).filter(({ path }) => path.endsWith("/chat/completions"))).toEqual([]);
    expect((await run("How is the weather?")).stdout).toBe("the answer is 3\n");

    const counts = file("counts.yaml", "forbid: { topics: ['/\\w/'] }\n");
    const directory = join(home, "policed");
    const evaluated = await runCli([
      ...["eval", workflow, "--task", "counting", "--validation-limit", "3", "--no-baselines", "--json"],
      ...[...executor, "--rules", counts, "--run", directory],
    ]);
    expect(`${evaluated.code} ${evaluated.stderr}`).toMatch(/^0 /);
    expect(JSON.parse(evaluated.stdout).rows[0]).toMatchObject({ accuracy: 0, statusCounts: { threw: 3 } });
    const audit = JSON.parse((await runCli(["inspect", directory, "--audit", "--json"])).stdout);
    expect(audit.decisions).toEqual([
      expect.objectContaining({ type: "policy-violation", what: expect.stringContaining("forbid.topics") }),
    ]);
    // Other rules, another run.
    const changed = ["eval", workflow, "--task", "counting", "--validation-limit", "3", "--no-baselines"];
    expectFailure(
      await runCli([...changed, ...executor, "--run", directory]),
      2,
      /other settings \(callPolicyHash/,
    );
  });

  it("refuses an executor that is forbidden, a file that holds no rules, and goes by its limits", async () => {
    const workflow = file("w.js", plain);
    const run = (rules: string, ...more: string[]) =>
      runCli([
        "eval",
        workflow,
        "--task",
        "counting",
        "--validation-limit",
        "3",
        "--no-baselines",
        ...executor,
        "--rules",
        rules,
        ...more,
      ]);
    expectFailure(
      await run(file("p.yaml", "forbid: { models: ['fake-*'] }")),
      2,
      /rules forbid the model default/,
    );
    expectFailure(await run(file("p.yaml", "forbid: { topic: [a] }")), 2, /unknown key.*did you mean topics/);
    const limited = await run(file("p.yaml", "limits: { calls: 2 }"), "--run", join(home, "limited"));
    expectFailure(limited, 8, /budget spent: 2 of 2 calls/);
  });
});

describe("--approve", () => {
  let model: string;
  const collect = (...more: string[]) =>
    runCli([
      ...["collect", "--task", "counting", ...executor, "--model", model, "--gpu", "off", "--threads", "1"],
      ...["--weak", "none", "--episodes", "1", "--turns", "1", "--candidates", "4", "--explore", "1"],
      ...[
        "--screen",
        "0",
        "--validation-limit",
        "2",
        "--max-repairs",
        "1",
        "--baselines",
        "direct",
        "--run",
        join(home, "asked"),
        ...withoutPrograms(home),
        ...more,
      ],
    ]);
  beforeAll(() => {
    model = makeTinyDesigner(join(home, "tiny.gguf"));
  });

  it("refuses without a terminal, before anything is asked of the executor", async () => {
    const asked = server.requests.length;
    expectFailure(await collect("--approve"), 2, /asks at a terminal, and there is none.*--approve-file/);
    expect(server.requests).toHaveLength(asked);
  });

  it("waits for a file of hashes, runs what it names, and records what it refuses", async () => {
    const list = file("approved.txt", "# nothing yet\n");
    const first = await collect("--approve-file", list);
    expectFailure(first, 2, /newly designed workflows wait for approval/);
    const folderOfRun = join(home, "asked", "approvals");
    const hashes = readdirSync(folderOfRun).flatMap((name) =>
      name.endsWith(".js") ? [name.slice(0, -3)] : [],
    );
    expect(hashes.length).toBeGreaterThan(1);
    expect(readFileSync(join(folderOfRun, `${hashes[0]}.md`), "utf8")).toContain("## What it calls");

    const [refused, ...allowed] = hashes as [string, ...string[]];
    writeFileSync(list, `no ${refused}\n${allowed.join("\n")}\n`);
    // Only baselines were run before: the same command goes on with what they answered.
    const second = await collect("--approve-file", list);
    expect(`${second.code} ${second.stderr}`).toMatch(/^0 /);
    const turns = () =>
      readTrajectory(join(home, "asked", "trajectories.jsonl")).flatMap((record) =>
        record.kind === "turn" ? record.candidates : [],
      );
    const candidates = turns();
    const found = candidates.filter(({ workflowHash }) => workflowHash === refused);
    expect(found.length).toBeGreaterThan(0);
    for (const one of found)
      expect(one).toMatchObject({ outcome: "invalid", status: "not-approved", calls: 0, tokens: 0 });
    expect(candidates.some(({ status, outcome }) => status === "ok" && outcome === "scored")).toBe(true);

    // A finished run stands, whether one asks again or not.
    expect((await collect()).code).toBe(0);
    expect(turns()).toEqual(candidates);
    const audit = JSON.parse((await runCli(["inspect", join(home, "asked"), "--audit", "--json"])).stdout);
    expect(audit.isIntact).toBe(true);
    expect(audit.decisions.filter(({ type }: { type: string }) => type === "approval")).toHaveLength(
      hashes.length,
    );
  });

  it("asks nothing where nothing is designed: eval, and a suite without a policy row", async () => {
    const workflow = file(
      "w.js",
      "export default async (agent, task) => (await agent.text(task.question))[0];\n",
    );
    const rows = (more: string) => `name: s\nlimit: 2\ntasks: [counting]\nrows: [direct${more}]\n`;
    const quick = ["--weak", "none", "--runs-root", join(home, "plain")];
    const plain = [workflow, "--task", "counting", "--validation-limit", "2", "--no-baselines"];
    const options = { env: { W4S_APPROVE: "true" } };
    for (const what of [plain, ["--suite", file("s.yaml", rows(""))]]) {
      const { code, stderr } = await runCli(["eval", ...what, ...executor, ...quick], options);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
    }
    // A row that designs is asked about.
    const designing = file("p.yaml", rows(", {name: nano, policy: {model: nano, candidates: 1}}"));
    expectFailure(
      await runCli(["eval", "--suite", designing, ...executor, ...quick], options),
      2,
      /--approve asks at a terminal, and there is none/,
    );
  });

  it("asks nothing where nothing is paid", async () => {
    const free = await runCli([
      ...[
        "collect",
        "--task",
        "counting",
        "--executor",
        "simulated",
        "--designer",
        "random",
        "--baselines",
        "direct",
      ],
      ...[
        "--weak",
        "none",
        "--episodes",
        "1",
        "--turns",
        "1",
        "--candidates",
        "1",
        "--validation-limit",
        "1",
      ],
      ...["--max-repairs", "0", "--approve", "--run", join(home, "free"), ...withoutPrograms(home)],
    ]);
    expect(`${free.code} ${free.stderr}`).toMatch(/^0 /);
    expect(existsSync(join(home, "free", "approvals"))).toBe(false);
  });
});
