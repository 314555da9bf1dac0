/** @file Hostile workflows and programs as models of one server, asked at once: it stays up, answers in form, and leaves nothing. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { PythonSandbox } from "../../src/workflow/python/python-sandbox.js";
import { parseModule } from "../../src/workflow/reading/parse-module.js";
import { childProcesses, untilNoChild } from "../support/child-processes.js";
import { ADAPTER, HOSTILE_LIMITS } from "../support/hostile-js.js";
import { ECHO, type Served, useServer } from "../support/served.js";
import { sharedPath } from "../support/shared.js";

/** Where programs of ours try to leave a file. */
const OUTSIDE_FILE = "/tmp/w4s-hostile-py-escaped";
const MiB = 2 ** 20;
/** So few that none waits as long as clients do for headers, on a busy machine too. */
const AT_ONCE = 24;
/** What Node needs in a sandbox process beside its guest, with room for what is not collected yet. */
const CHILD_MIB = 64 + 192;
/** With $W4S_HOSTILE_SERVED=all every file runs, twice; otherwise every third one once, and one each of programs and of those that end at a limit. */
const runsAll = process.env.W4S_HOSTILE_SERVED === "all";
const SHARE = 3;
const PROGRAM = `export default async (agent) => JSON.stringify(await agent.runPython(SOURCE));`;

function filesOf(kind: "js" | "py"): string[] {
  const folders = [
    sharedPath("hostile", kind),
    fileURLToPath(new URL(`../fixtures/hostile-${kind}`, import.meta.url)),
  ];
  return folders
    .flatMap((folder) => (folder === undefined ? [] : readdirSync(folder).map((name) => join(folder, name))))
    .filter((path) => path.endsWith(`.${kind}`));
}
const sourceOf = (path: string) => readFileSync(path, "utf8");
const isParsed = (source: string) => {
  try {
    parseModule(source);
    return true;
  } catch {
    return false;
  }
};
const some = (paths: string[]) => (runsAll ? paths : paths.slice(0, 1));
/** What one run leaves behind would meet the next of the same model. */
const isAskedTwice = (name: string) => (runsAll ? !name.endsWith(".py") : /state|pollute/.test(name));
const isCostly = (path: string) => /^\/\/ MUST [^:]*(timeout|memory)/.test(sourceOf(path));

const scripts = filesOf("js");
const quick = scripts.filter((path) => !isCostly(path));
const workflows = [
  ...quick.filter((path, index) => runsAll || index % SHARE === 0 || isAskedTwice(basename(path))),
  ...some(scripts.filter(isCostly)),
];
const programs = some(filesOf("py")).map(
  (path) =>
    [
      basename(path),
      PROGRAM.replace("SOURCE", () => JSON.stringify(`${sourceOf(path)}\nprint(add(2, 3))\n`)),
    ] as const,
);
const models = Object.fromEntries([
  ...workflows.map((path) => [basename(path), ADAPTER + sourceOf(path)] as const),
  ...programs,
  ["broken.js", "export default async () => {"] as const,
]);
const readable = Object.fromEntries(Object.entries(models).filter(([, source]) => isParsed(source)));

const start = useServer();
const python = new PythonSandbox({ processes: 1, limits: { wallMs: 3_000, busyMs: 10_000 } });
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

describe("hostile workflows behind a server", () => {
  let served: Served;
  afterAll(async () => {
    process.off("unhandledRejection", onUnhandled);
    await python.close();
  });

  it("are refused at the start where they are none", async () => {
    const broken = Object.entries(models).filter(([name]) => !(name in readable));
    expect(broken.length).toBeGreaterThan(0);
    for (const [name, source] of broken)
      await expect(start({ workflows: { [name]: source } })).rejects.toMatchObject({ name: "InputError" });
  });

  it("answer in form and of their own request alone, all at once, and the honest one between is right", async () => {
    process.on("unhandledRejection", onUnhandled);
    served = await start({
      ...{ workflows: { ...readable, echo: ECHO }, programs: python, concurrency: 2 },
      limits: { ...HOSTILE_LIMITS, cpuMs: 300 },
    });
    const asked = Object.keys(readable).flatMap((model, index) => [
      ...(isAskedTwice(model) ? [0, 1] : [0]).map((round) => ({ model, secret: `secret-${index}-${round}` })),
      { model: "echo", secret: `secret-${index}-honest` },
    ]);
    const answers: { model: string; secret: string; status: number; text: string }[] = [];
    const client = async () => {
      for (let next = asked.shift(); next; next = asked.shift()) {
        const response = await served.chat(`${next.secret} of ${next.model}`, { model: next.model });
        answers.push({ ...next, status: response.status, text: await response.text() });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    // Files that nobody has touched are read once.
    expect(await (await fetch(`${served.base}metrics`)).text()).not.toContain("w4s_reloads_total");
    for (const { model, secret, status, text } of answers) {
      const body = JSON.parse(text) as { object?: string; error?: Record<string, unknown> };
      if (model === "echo") expect(text, served.warnings.join("\n")).toContain(`reply to: ${secret} of echo`);
      if (status === 200) expect(body.object, model).toBe("chat.completion");
      else {
        expect(Object.keys(body.error ?? {}).sort(), model).toEqual(["code", "message", "param", "type"]);
        expect([429, 500, 502, 504, 507], `${model}: ${text}`).toContain(status);
      }
      expect(text.length, model).toBeLessThan(2 * MiB);
      expect(text, model).not.toContain("ESCAPED");
      expect([...new Set(text.match(/secret-\d+-(honest|\d)/g) ?? [secret])], model).toEqual([secret]);
    }
  }, 3_600_000);

  it("leave no request, no memory, no process and no file", async () => {
    const { base, folder, server } = served;
    expect((await fetch(`${base}health`)).status).toBe(200);
    const metrics = await (await fetch(`${base}metrics`)).text();
    expect(metrics).toMatch(/^w4s_requests_running 0$/m);
    expect(metrics).toMatch(/^w4s_requests_waiting 0$/m);
    if (process.platform === "linux") {
      const children = childProcesses("sandbox-child");
      expect(children.length).toBeLessThanOrEqual(2);
      for (const { pid } of children) {
        const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
        expect(pages * 4096).toBeLessThan(CHILD_MIB * MiB);
      }
    }
    await server.stop(new AbortController().signal);
    await python.close();
    if (process.platform === "linux") {
      await untilNoChild("sandbox-child");
      await untilNoChild("python-");
    }
    expect(readdirSync(folder).sort()).toEqual(
      [...Object.keys(readable), "echo"].map((name) => `${name}.js`).sort(),
    );
    expect(existsSync(OUTSIDE_FILE)).toBe(false);
    expect(unhandled).toEqual([]);
  });
});
