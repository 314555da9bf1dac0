/** @file The sandbox: start, time per run, and the hostile suite's hard stops and event-loop lag. `node bench/sandbox.mjs [--no-hostile] [--json FILE]` */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { QuickJsSandbox } from "../dist/workflow/sandbox/quickjs-sandbox.js";
import { report, spread, timeMs } from "./harness.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WALL_MS = 2_000;
const STARTS = 7;
const RUNS = 60;
const HONEST =
  "export default async (agent, task) => number((await agent.text(task.question))[0]) + task.index;";
/** Maps the names of the hostile files to the workflow API, on their first line. */
const ADAPTER =
  "export default (agent, task) => workflow({ callLLM: ({ messages, ...options }) => agent.text(messages, options), " +
  "runCode: (code) => agent.runPython(code), log: (value) => agent.log(value) }, task.question); ";

const task = (index) => ({ id: `${index}`, question: "q", index });
const host = {
  offers: new Set(["runPython"]),
  async call(name, args) {
    await new Promise((resolve) => setTimeout(resolve, 3));
    if (args[1]?.model) throw new Error("unknown alias");
    return name === "text" ? ["42"] : { ok: true, stdout: "42", stderr: "" };
  },
};
const atOnce = { offers: new Set(), call: async () => ["42"] };

/** From nothing to the first answer, process and engine included. */
async function starts() {
  const times = [];
  for (let i = 0; i < STARTS; i++) {
    const sandbox = new QuickJsSandbox({ processes: 1 });
    times.push(await timeMs(() => sandbox.run(HONEST, task(i), atOnce, { seed: i })));
    await sandbox.close();
  }
  return {
    name: "first answer of a new sandbox",
    ...spread(times),
    unit: "ms",
    note: "process, engine, one run",
  };
}

async function warmRuns() {
  const sandbox = new QuickJsSandbox({ processes: 1 });
  await sandbox.run(HONEST, task(0), atOnce, { seed: 0 });
  const times = [];
  for (let i = 0; i < RUNS; i++) {
    times.push(await timeMs(() => sandbox.run(HONEST, task(i), atOnce, { seed: i })));
    // The next engine is made ready between two runs, as it is while a model is asked.
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await sandbox.close();
  const row = spread(times);
  return { name: "one run in a warm process", ...row, unit: "ms", limit: "≤ 60", isOk: row.value <= 60 };
}

async function hostile() {
  const shared = join(process.env.W4S_SHARED ?? join(ROOT, "..", "shared"), "hostile", "js");
  const folders = [shared, join(ROOT, "tests", "fixtures", "hostile-js")].filter((path) => existsSync(path));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const sources = files
    .filter((path) => path.endsWith(".js"))
    .map((path) => ADAPTER + readFileSync(path, "utf8"));
  const sandbox = new QuickJsSandbox({ processes: 2, limits: { wallMs: WALL_MS } });
  await sandbox.run(HONEST, task(0), host, { seed: 0 });
  const before = process.memoryUsage.rss();
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  let worst = 0;
  for (const source of sources) {
    worst = Math.max(worst, await timeMs(() => sandbox.run(source, task(0), host, { seed: 1 })));
  }
  lag.disable();
  const honest = await Promise.all(
    Array.from({ length: 100 }, (_, i) => sandbox.run(HONEST, task(i), host, { seed: i })),
  );
  const right = honest.filter((run, i) => run.answer === 42 + i).length;
  const growth = (process.memoryUsage.rss() - before) / 2 ** 20;
  await sandbox.close();
  const p99 = lag.percentile(99) / 1e6;
  return [
    {
      name: `hostile files (${sources.length}): event-loop lag p99`,
      value: p99,
      unit: "ms",
      limit: "≤ 20",
      isOk: p99 <= 20,
    },
    {
      name: `worst hard stop at a limit of ${WALL_MS} ms`,
      value: worst,
      unit: "ms",
      limit: `≤ ${WALL_MS + 500}`,
      isOk: worst <= WALL_MS + 500,
    },
    { name: "growth of the host's memory", value: growth, unit: "MiB", limit: "≤ 32", isOk: growth <= 32 },
    {
      name: "honest samples right afterwards",
      value: right,
      unit: "of 100",
      limit: "100",
      isOk: right === 100,
    },
  ];
}

/** Processes of ours that name the sandbox, a second after everything was closed. */
async function leftovers() {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const processes = execFileSync("ps", ["-eo", "ppid=,args="], { encoding: "utf8" }).split("\n");
  const count = processes.filter(
    (line) => line.trim().startsWith(`${process.pid} `) && line.includes("sandbox-child"),
  ).length;
  return { name: "processes left after 1 s", value: count, unit: "", limit: "0", isOk: count === 0 };
}

const isShort = process.argv.includes("--no-hostile");
report("sandbox", [await starts(), await warmRuns(), ...(isShort ? [] : await hostile()), await leftovers()]);
