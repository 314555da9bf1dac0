/** @file SIGKILL at random moments: the same command ends with the same result and pays no stored reply again. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { hashJson, sha256 } from "../../src/core/hash.js";
import { Random } from "../../src/core/random.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { runCli } from "../support/run-cli.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_122);
const KILLS = 10;
const CONCURRENCY = 3;

let folder: string;
let server: FakeOpenAI;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "w4s-kill-"));
  makeTinyGguf(join(folder, "tiny.gguf"), { seed: 3 });
  // The number in a reply depends on the request, so that workflows differ in accuracy; the id names the request.
  server = await startFakeOpenAI({
    delayMs: 30,
    reply: (request, index) => {
      const id = sha256(requestId(request.body)).slice(0, 16);
      return `[${id}/${index}] so the answer is ${Number.parseInt(id.slice(0, 6), 16) % 7}`;
    },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function requestId(body: unknown): string {
  return hashJson(body);
}

function command(run: string): string[] {
  return [
    "optimize",
    ...["--task", "word-problems", "--model", join(folder, "tiny.gguf"), "--gpu", "off", "--threads", "1"],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--weak", "none"],
    ...["--episodes", "2", "--turns", "2", "--candidates", "3", "--max-repairs", "1", "--screen", "2"],
    ...["--validation-limit", "5", "--test-limit", "5", "--concurrency", String(CONCURRENCY), "--seed", "5"],
    ...["--run", join(folder, run)],
  ];
}

/** Requests whose replies lie in the store: each reply carries the id of its request. */
function storedRequests(run: string): Set<string> {
  let db: Database.Database;
  try {
    db = new Database(join(folder, run, "calls.db"), { readonly: true, fileMustExist: true } as object);
  } catch {
    return new Set();
  }
  try {
    const rows = db.prepare("SELECT reply FROM replies").all() as { reply: string }[];
    return new Set(rows.map((row) => /\[([0-9a-f]{16})\//.exec(row.reply)?.[1] ?? ""));
  } catch {
    return new Set();
  } finally {
    db.close();
  }
}

/** SIGKILL during the start, or some milliseconds after some of the next few requests. */
function killSometime(child: ChildProcess, random: Random, requestsBefore: number): void {
  const requests = random.integer(0, 6);
  const delayMs = requests === 0 ? random.integer(100, 1500) : random.integer(0, 80);
  const poll = setInterval(() => {
    if (server.chats.length < requestsBefore + requests) return;
    clearInterval(poll);
    setTimeout(() => child.kill("SIGKILL"), delayMs);
  }, 2);
  child.once("exit", () => clearInterval(poll));
}

function outcome(run: string) {
  const summary = JSON.parse(readFileSync(join(folder, run, "summary.json"), "utf8"));
  return {
    best: summary.best,
    resultHash: summary.resultHash,
    test: summary.test,
    validation: summary.validation,
  };
}

describe("optimize under SIGKILL", () => {
  it(`ends like an undisturbed run after ${KILLS} kills (seed ${SEED})`, { timeout: 240_000 }, async () => {
    console.log(`kill-resume seed ${SEED}`);
    const undisturbed = await runCli(command("undisturbed"));
    expect(undisturbed.stderr + undisturbed.stdout).toContain("best");
    expect(undisturbed.code).toBe(0);
    const expected = outcome("undisturbed");
    const undisturbedCalls = server.chats.length;

    const random = new Random(SEED);
    const paidTwice: string[] = [];
    let kills = 0;
    let mostStored = 0;
    let code: number | null = null;
    for (let attempt = 0; code !== 0; attempt++) {
      expect(attempt).toBeLessThan(KILLS + 3);
      const stored = storedRequests("killed");
      mostStored = Math.max(mostStored, stored.size);
      const before = server.chats.length;
      const result = await runCli(command("killed"), {
        onStart: (child) => {
          if (kills < KILLS) killSometime(child, random, before);
        },
      });
      for (const chat of server.chats.slice(before)) {
        const id = sha256(requestId(chat.body)).slice(0, 16);
        if (stored.has(id)) paidTwice.push(id);
      }
      if (result.signal === "SIGKILL") kills++;
      else code = result.code;
      if (code !== null) expect(`${code} ${result.stderr}`).toMatch(/^0 /);
    }
    expect(kills).toBe(KILLS);
    expect(mostStored).toBeGreaterThan(0);
    expect(paidTwice).toEqual([]);
    expect(outcome("killed")).toEqual(expected);
    const lost = server.chats.length - 2 * undisturbedCalls;
    console.log(`${kills} kills, ${undisturbedCalls} calls undisturbed, ${lost} calls lost in flight`);
    expect(lost).toBeGreaterThanOrEqual(0);
    // Each kill may lose what was in flight, no more.
    expect(lost).toBeLessThanOrEqual(kills * CONCURRENCY * 4);
  });
});
