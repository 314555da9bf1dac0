/** @file `w4s learn` as a process: kills at random moments, planted test items, a run moved elsewhere, wrong input. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { hashJson, sha256 } from "../../src/core/hash.js";
import { Random } from "../../src/core/random.js";
import { expectFailure } from "../support/cli-expect.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const KILLS = 30;
const CONCURRENCY = 3;
/** Longest attempt as a share of an undisturbed run, so that every part of it is hit on slow and fast machines. */
const LONGEST_ATTEMPT = 0.4;
const MARKER = "ZEBRA-QUARTZ-7713";

const newFolder = useTemporaryFolder();
let folder: string;
let model: string;
let server: FakeOpenAI;

beforeAll(async () => {
  folder = newFolder();
  model = makeTinyGguf(join(folder, "tiny.gguf"), { hasRandomNorms: true });
  // The number in a reply depends on the request, so that workflows differ in accuracy; the id names the request.
  server = await startFakeOpenAI({
    delayMs: 2,
    reply: (request, index) => {
      const id = requestId(request.body);
      return `[${id}/${index}] so the answer is ${Number.parseInt(id.slice(0, 6), 16) % 7}`;
    },
  });
});

afterAll(() => server.close());

function requestId(body: unknown): string {
  return sha256(hashJson(body)).slice(0, 16);
}

function learn(run: string, more: readonly string[] = []): string[] {
  return [
    "learn",
    ...["--task", "counting,shopping", "--held-back", "sequences", "--model", model, "--gpu", "off"],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--threads", "1"],
    ...["--rounds", "2", "--episodes", "2", "--turns", "1", "--candidates", "3", "--eval-episodes", "1"],
    ...["--max-repairs", "1", "--screen", "0", "--validation-limit", "4", "--test-limit", "3"],
    ...["--rank", "2", "--epochs", "1", "--batch-size", "3", "--seed", "5", "--accept", "always"],
    ...["--concurrency", String(CONCURRENCY), "--run", join(folder, run)],
    ...more,
  ];
}

function summaryOf(run: string) {
  return JSON.parse(readFileSync(join(folder, run, "summary.json"), "utf8"));
}

function outcome(run: string) {
  const { rounds, adapter, base, trained, test } = summaryOf(run);
  return {
    adapterHash: adapter.hash,
    base,
    trained,
    test,
    // Times and peaks differ, and a resumed training counts the tokens of its last process only.
    rounds: (rounds as Record<string, unknown>[]).map(({ seconds: _, training, ...round }) => {
      const { peakRssBytes: _peak, trainedTokens: _tokens, ...same } = training as Record<string, unknown>;
      return { ...round, training: same };
    }),
    best: readFileSync(join(folder, run, "best-workflow.js"), "utf8"),
  };
}

/** Ids of requests whose replies lie in the store. */
function storedRequests(run: string): Set<string> {
  const path = join(folder, run, "calls.db");
  if (!existsSync(path)) return new Set();
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true } as object);
    const rows = db.prepare("SELECT reply FROM replies").all() as { reply: string }[];
    return new Set(rows.map((row) => /\[([0-9a-f]{16})\//.exec(row.reply)?.[1] ?? ""));
  } catch {
    return new Set();
  } finally {
    db?.close();
  }
}

/** All files of a run as text, the database too. */
function contentsOf(directory: string): string {
  return (readdirSync(directory, { recursive: true, withFileTypes: true }) as { name: string }[] & never[])
    .filter((entry: { isFile(): boolean }) => entry.isFile())
    .map((entry: { parentPath?: string; path?: string; name: string }) =>
      readFileSync(join(entry.parentPath ?? entry.path ?? "", entry.name), "latin1"),
    )
    .join("\n");
}

describe("killed at random moments", () => {
  it(`ends like an undisturbed run after ${KILLS} kills (seed ${SEED})`, { timeout: 900_000 }, async () => {
    const startedAt = performance.now();
    const undisturbed = await runCli(learn("undisturbed"));
    const longestWaitMs = LONGEST_ATTEMPT * (performance.now() - startedAt);
    expect(`${undisturbed.code} ${undisturbed.stderr}`).toMatch(/^0 /);
    const expected = outcome("undisturbed");
    const callsOfOne = server.chats.length;
    const random = new Random(SEED);
    const paidTwice: string[] = [];
    const reached = new Set<string>();
    for (let kills = 0; kills < KILLS; ) {
      const stored = storedRequests("killed");
      const before = server.chats.length;
      const result = await runCli(learn("killed"), {
        onStart: (child) => setTimeout(() => child.kill("SIGKILL"), random.next() * longestWaitMs),
      });
      for (const chat of server.chats.slice(before)) {
        const id = requestId(chat.body);
        if (stored.has(id)) paidTwice.push(id);
      }
      if (result.signal === "SIGKILL") {
        kills++;
        const rounds = join(folder, "killed", "rounds");
        for (const name of existsSync(rounds) ? readdirSync(rounds) : []) reached.add(name);
      } else {
        expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
        expect(outcome("killed")).toEqual(expected);
        // Begin anew, so that every kill hits a run that still works.
        rmSync(join(folder, "killed"), { recursive: true });
      }
    }
    expect([...reached].sort()).toEqual(["00", "01", "02"]);
    const last = await runCli(learn("killed"));
    expect(`${last.code} ${last.stderr}`).toMatch(/^0 /);
    expect(outcome("killed")).toEqual(expected);
    expect(paidTwice).toEqual([]);
    console.log(`${KILLS} kills, ${callsOfOne} calls undisturbed, 0 stored replies asked again`);
  });

  it("a finished run goes on with more rounds, and back to an earlier one", {
    timeout: 240_000,
  }, async () => {
    cpSync(join(folder, "undisturbed"), join(folder, "longer"), { recursive: true });
    const before = outcome("longer");
    const result = await runCli(learn("longer", ["--rounds", "3"]));
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    const { rounds } = summaryOf("longer");
    expect(rounds).toHaveLength(3);
    expect(outcome("longer").rounds.slice(0, 2)).toEqual(before.rounds);
    expect(rounds[2].parentHash).toBe(rounds[1].adapterHash);

    const lineage = await runCli(["inspect", join(folder, "longer", rounds[2].adapter)]);
    expect(lineage.code).toBe(0);
    for (const { adapterHash } of rounds) expect(lineage.stdout).toContain(adapterHash.slice(0, 12));

    const back = await runCli(["rollback", join(folder, "longer"), "--to", "1"]);
    expect(`${back.code} ${back.stdout}`).toMatch(/^0 round 2 set aside: /);
    expect(back.stdout).toContain(`in force: ${join(folder, "longer", rounds[0].adapter)}`);
    const again = await runCli(learn("longer", ["--rounds", "2"]));
    expect(again.code).toBe(0);
    expect(outcome("longer").adapterHash).toBe(before.adapterHash);
  });
});

describe("a run moved elsewhere, without network", () => {
  it("is relabelled, trained on and evaluated by replay", { timeout: 240_000 }, async () => {
    const home = newFolder();
    const moved = join(home, "moved");
    cpSync(join(folder, "undisturbed"), moved, { recursive: true });
    const before = server.chats.length;
    const relabelled = await runCli(["relabel", moved, "--reward", "relative-gain", "--json"], { cwd: home });
    expect(relabelled.code).toBe(0);
    const { files } = JSON.parse(relabelled.stdout) as { files: { to: string; candidates: number }[] };
    expect(files.length).toBeGreaterThan(0);
    expect(files.every(({ to, candidates }) => existsSync(to) && candidates > 0)).toBe(true);

    const adapter = summaryOf("undisturbed").rounds[0].adapter as string;
    const trained = await runCli(
      [
        "train",
        ...["--model", model, "--from", moved, "--reward", "discrete", "--rank", "2", "--epochs", "1"],
        ...["--threads", "1", "--out", join(home, "again")],
      ],
      { cwd: home },
    );
    expect(`${trained.code} ${trained.stderr}`).toMatch(/^0 /);
    expect(readdirSync(join(home, "again")).some((name) => name.endsWith(".gguf"))).toBe(true);
    const examples = readFileSync(join(home, "again", "examples.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(examples).toHaveLength(files.reduce((sum, { candidates }) => sum + candidates, 0));
    expect(existsSync(join(moved, adapter))).toBe(true);

    const evaluated = await runCli(
      [
        "eval",
        ...["--task", "sequences", "--split", "validation", "--validation-limit", "4", "--seed", "5"],
        ...["--executor", `replay:${moved}`, "--weak", "none", join(moved, "best-workflow.js")],
        ...["--run", join(home, "evaluated"), "--json"],
      ],
      { cwd: home },
    );
    expect(`${evaluated.code} ${evaluated.stderr}`).toMatch(/^0 /);
    expect(server.chats.length).toBe(before);
  });
});

describe("the test split", () => {
  /** A dataset whose test items carry a marker, or whose test file is not there at all. */
  function plantedTask(name: string, hasTest: boolean): string {
    const directory = join(newFolder(), name);
    cpSync(join(import.meta.dirname, "../../datasets/counting"), directory, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(directory, "dataset.json"), "utf8"));
    for (const split of Object.values(manifest.splits) as { sha256?: string }[]) delete split.sha256;
    writeFileSync(join(directory, "dataset.json"), JSON.stringify({ ...manifest, name }));
    const test = join(directory, "test.jsonl");
    if (!hasTest) rmSync(test);
    else {
      const lines = readFileSync(test, "utf8").trimEnd().split("\n");
      const marked = lines.map((line) => {
        const item = JSON.parse(line);
        return JSON.stringify({ ...item, question: `${MARKER} ${item.question}` });
      });
      writeFileSync(test, `${marked.join("\n")}\n`);
    }
    return directory;
  }

  it("need not be there while it is not asked for", { timeout: 120_000 }, async () => {
    const planted = plantedTask("absent", false);
    const result = await runCli(
      learn("absent", ["--held-back", planted, "--rounds", "1", "--test-limit", "0"]),
    );
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    expect(summaryOf("absent").test).toEqual([]);
  });

  it("shows up in no prompt, feedback, trajectory or example", { timeout: 120_000 }, async () => {
    const planted = plantedTask("marked", true);
    const before = server.chats.length;
    const open = await runCli(
      learn("marked", ["--held-back", planted, "--rounds", "1", "--test-limit", "0"]),
    );
    expect(`${open.code} ${open.stderr}`).toMatch(/^0 /);
    expect(JSON.stringify(server.chats.slice(before).map(({ body }) => body))).not.toContain(MARKER);
    expect(contentsOf(join(folder, "marked"))).not.toContain(MARKER);
    // The same items are asked at the end of a run that opens the split: the marker is where it should be.
    const final = await runCli(
      learn("marked-final", ["--held-back", planted, "--rounds", "1", "--test-limit", "2"]),
    );
    expect(`${final.code} ${final.stderr}`).toMatch(/^0 /);
    const asked = JSON.stringify(server.chats.slice(before).map(({ body }) => body));
    expect(asked).toContain(MARKER);
    const rounds = contentsOf(join(folder, "marked-final", "rounds"));
    expect(rounds).not.toContain(MARKER);
  });
});

describe("code tasks", () => {
  it("run their programs in the sandbox, in rounds too", { timeout: 240_000 }, async () => {
    const result = await runCli(
      learn("code", ["--task", "code-tasks", "--held-back", "counting", "--rounds", "1", "--episodes", "1"]),
    );
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    expect(summaryOf("code").rounds[0].plan.episodes).toEqual([{ task: "code-tasks", count: 1 }]);
  });
});

describe("wrong input", () => {
  it.each([
    [["--held-back", "counting"], 2, /counting is both trained on and held back/],
    [["--task", "counting,counting"], 2, /counting is named twice/],
    [["--explore-schedule", "0.5,2"], 2, /--explore-schedule: .*numbers from 0 to 1/],
    [["--weighting", "best"], 2, /--weighting: .*must be one of/],
    [["--adapter", "nowhere.gguf"], 3, /nowhere\.gguf/],
    [["--only-success", "--reward", "relative-gain", "--keep-turns", "9"], 3, /filters leave no example/],
  ] as const)("%j", async (more, code, message) => {
    const run = `wrong-${more.join("-").replace(/\W+/g, "-")}`;
    expectFailure(await runCli(learn(run, [...more])), code, message);
  });

  it("refuses a run of other settings, a run without rounds, and a round that was never played", async () => {
    const changed = await runCli(learn("undisturbed", ["--candidates", "4"]));
    expectFailure(changed, 2, /was started with other settings \(candidates: 3 → 4\)/);
    mkdirSync(join(folder, "empty"));
    expectFailure(
      await runCli(["rollback", join(folder, "empty"), "--to", "1"]),
      3,
      /is not a run of w4s learn/,
    );
    const never = await runCli(["rollback", join(folder, "undisturbed"), "--to", "7"]);
    expectFailure(never, 2, /round 7 .* is not finished; finished: 1, 2/);
    expectFailure(
      await runCli(["relabel", join(folder, "empty"), "--reward", "accuracy"]),
      3,
      /no trajectories/,
    );
  });

  it("says which adapter is gone", async () => {
    const { rounds } = summaryOf("undisturbed");
    const path = join(folder, "undisturbed", rounds[1].adapter);
    renameSync(path, `${path}.away`);
    const result = await runCli(learn("undisturbed", ["--rounds", "3"]));
    renameSync(`${path}.away`, path);
    expectFailure(result, 2, /the adapter of round 2 is gone/);
  });
});
