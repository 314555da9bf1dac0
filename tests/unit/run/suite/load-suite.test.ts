import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadRunConfig } from "../../../../src/config/config-file.js";
import { suiteSettings } from "../../../../src/config/run-identity.js";
import { InputError } from "../../../../src/core/errors.js";
import { loadSuite, parseSuite } from "../../../../src/run/suite/load-suite.js";
import { resolveSuite, suiteText } from "../../../../src/run/suite/resolve-suite.js";
import { PythonSandbox } from "../../../../src/workflow/python/python-sandbox.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const REST = "tasks: [swaps]\nrows: [direct]\n";

/** Text of a suite, what its error says, what its hint says. */
const BAD: readonly (readonly [string, RegExp, RegExp?])[] = [
  ["", /^s\.yaml.*: name: missing; it must be a name/],
  ["[1, 2]", /^s\.yaml:1:1: /],
  ["name: a\nname: b\n", /^s\.yaml:2:1: not usable YAML/, /repeated keys/],
  ["name: !!js/function x\n", /^s\.yaml:1:\d+: not usable YAML/],
  ["name: a\n---\nname: b\n", /more than one document/],
  [`name: a b\n${REST}`, /^s\.yaml:1:1: name: must be a name of letters/],
  [`name: a\ntaks: [swaps]\nrows: [direct]\n`, /^s\.yaml:2:1: taks: unknown key/, /did you mean tasks/],
  ["name: a\ntasks: []\nrows: [direct]\n", /^s\.yaml:2:1: tasks: must name at least one task/],
  ["name: a\ntasks: swaps\nrows: [direct]\n", /^s\.yaml:2:1: tasks: must be a list of tasks/],
  ["name: a\ntasks: [swaps, swaps]\nrows: [direct]\n", /^s\.yaml:2:16: tasks\.1: task swaps is named twice/],
  [
    "name: a\ntasks:\n  - task: swaps\n    limt: 3\nrows: [direct]\n",
    /^s\.yaml:4:5: tasks\.0\.limt: unknown key/,
    /limit/,
  ],
  [
    "name: a\ntasks:\n  - task: swaps\n    limit: 0\nrows: [direct]\n",
    /^s\.yaml:4:5: tasks\.0\.limit: must be a whole number/,
  ],
  ["name: a\ntasks: [swaps]\nrows: []\n", /rows: must have at least one row/],
  ["name: a\ntasks: [swaps]\nrows: [direct, direct]\n", /rows\.1: a second row is called direct/],
  [
    "name: a\ntasks: [swaps]\nrows:\n  - {name: x}\n",
    /^s\.yaml:4:5: rows\.0: must have exactly one of .*; it has none/,
  ],
  [
    "name: a\ntasks: [swaps]\nrows:\n  - {run: x, workflow: y}\n",
    /exactly one of .*; it has workflow and run/,
  ],
  ["name: a\ntasks: [swaps]\nrows:\n  - policy: {}\n", /rows\.0: needs a name/],
  [
    "name: a\ntasks: [swaps]\nrows:\n  - name: p\n    policy: {candidates: 99}\n",
    /^s\.yaml:5:14: rows\.0\.policy\.candidates: must be a whole number from 1 to 64/,
  ],
  [
    `name: a\nreference: dirct\n${REST}`,
    /^s\.yaml:2:1: reference: no row is called dirct/,
    /did you mean direct/,
  ],
  [`name: a\ncomparisons: some\n${REST}`, /comparisons: must be one of reference, all/],
  [`name: a\nsplit: train\n${REST}`, /split: must be one of validation, test/],
  [`name: a\nversion: 2\n${REST}`, /version: must be 1/],
  [
    `name: a\ncounterfactual: {swaps: [ages]}\n${REST}`,
    /counterfactual\.swaps\.0: must be one of control, names/,
  ],
  [
    `name: a\nsettings: {sead: 3}\n${REST}`,
    /^s\.yaml:2:12: settings\.sead: unknown setting/,
    /did you mean seed/,
  ],
  [`name: a\nsettings:\n  seed: -3\n${REST}`, /^s\.yaml:3:3: settings: seed: -3 must be a whole number/],
  [`name: a\nsettings: {budget: {dollars: 1}}\n${REST}`, /cannot be set by a suite/, /flag/],
  [`name: a\nsettings: {policies: {}}\n${REST}`, /cannot be set by a suite/],
  [`name: a\nsettings: {executor: nonsense}\n${REST}`, /settings: executor: "nonsense" must be openai:URL/],
];

describe("parseSuite", () => {
  for (const [text, message, hint] of BAD) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      let error: unknown;
      try {
        parseSuite(text, "s.yaml");
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(InputError);
      expect((error as InputError).message).toMatch(message);
      expect((error as InputError).hint ?? "").toMatch(hint ?? /./);
    });
  }

  it("takes short forms of tasks and rows", () => {
    const suite = parseSuite(`name: a\n${REST}`, "s.yaml");
    expect(suite).toMatchObject({
      tasks: [{ task: "swaps", optional: false }],
      rows: [{ baseline: "direct" }],
      split: "test",
      reliance: "cooperative",
      counterfactual: { items: 0 },
    });
  });
});

describe("loadSuite", () => {
  it("knows the built-in suites, and says so of a misspelt one", () => {
    for (const name of ["core", "full"]) expect(loadSuite(name).suite.name).toBe(name);
    expect(() => loadSuite("cor")).toThrow(expect.objectContaining({ hint: "did you mean core?" }));
  });

  it("takes paths relative to the file", () => {
    const root = folder();
    mkdirSync(join(root, "sub"));
    const file = join(root, "sub", "s.yaml");
    writeFileSync(
      file,
      "name: a\ntasks: [swaps, ../data]\nrows:\n  - workflow: w.js\n  - {name: p, policy: {model: nano, adapter: ../x.gguf}}\n",
    );
    const { suite } = loadSuite(file);
    expect(suite.tasks.map(({ task }) => task)).toEqual(["swaps", join(root, "data")]);
    expect(suite.rows[0]).toMatchObject({ name: "w.js", workflow: join(root, "sub", "w.js") });
    expect(suite.rows[1]?.policy).toMatchObject({ model: "nano", adapter: join(root, "x.gguf") });
  });
});

describe("resolveSuite", () => {
  const config = loadRunConfig({ hasFile: false, env: {}, defaults: { task: "s", executor: "simulated" } });
  // Starts nothing before a program is run.
  const programs = new PythonSandbox();
  afterAll(() => programs.close());
  const tools = { programs };
  const hooks = { resolveModelFile: async (path: string) => path };
  const read = (text: string) => ({ ...parseSuite(text, "s.yaml"), settings: suiteSettings(config) });
  const resolve = (text: string) => resolveSuite(read(text), config, tools, hooks);

  it("gives a suite that reads back as itself, with hashes of what lies outside", async () => {
    const { suite, notices } = await resolve(
      "name: a\ntasks: [swaps, {task: not-there, optional: true}]\nrows: [direct]\n",
    );
    expect(notices).toEqual(["task not-there is left out: there is no such dataset here"]);
    expect(suite.tasks).toEqual([
      { task: "swaps", optional: false, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    const again = parseSuite(suiteText(suite), "s.yaml");
    expect(again).toEqual(suite);
    expect((await resolveSuite(again, config, tools, hooks)).suite).toEqual(suite);
  });

  it("keeps what decides its table, rules and prices too, and not how fast or where this run went", () => {
    const given = {
      ...{
        task: "s",
        executor: "simulated",
        rulesFile: "rules.yaml",
        price: { inputPerMillion: 1, outputPerMillion: 2 },
      },
      ...{ approve: true, concurrency: 9, testLimit: 7, budget: { calls: 5 }, maxErrors: 0.5, turns: 3 },
    };
    const all = loadRunConfig({ hasFile: false, env: {}, defaults: given });
    const settings = suiteSettings(all);
    expect(settings).toMatchObject({ rulesFile: "rules.yaml", price: given.price, approve: true, turns: 3 });
    for (const key of ["task", "testLimit", "concurrency", "budget", "maxErrors", "learn"])
      expect(settings).not.toHaveProperty(key);
  });

  it("refuses a dataset that has changed, a task nobody can solve, unknown baselines and missing files", async () => {
    const wrong = "0".repeat(64);
    await expect(
      resolve(`name: a\ntasks: [{task: swaps, hash: "${wrong}"}]\nrows: [direct]\n`),
    ).rejects.toThrow(/task swaps is not the one of the suite/);
    await expect(resolve("name: a\ntasks: [code-tasks]\nrows: [direct]\n")).rejects.toThrow(
      /code-tasks: the simulated executor solves generated families only/,
    );
    await expect(
      resolve("name: a\ntasks: [{task: code-tasks, optional: true}]\nrows: [direct]\n"),
    ).rejects.toThrow(/none of its tasks is there/);
    await expect(resolve("name: a\ntasks: [swaps]\nrows: [dirct]\n")).rejects.toThrow(
      expect.objectContaining({ hint: "did you mean direct?" }),
    );
    await expect(resolve("name: a\ntasks: [swaps]\nrows: [{workflow: gone.js}]\n")).rejects.toThrow(
      /cannot read the workflow gone\.js/,
    );
    await expect(resolve("name: a\ntasks: [swaps]\nrows: [{run: gone}]\n")).rejects.toThrow(
      /best workflow of the run/,
    );
    await expect(
      resolve("name: a\ntasks: [swaps]\nrows: [{name: p, policy: {model: m, adapter: gone.gguf}}]\n"),
    ).rejects.toThrow(/there is no adapter gone\.gguf/);
    await expect(resolve("name: a\ntasks: [swaps]\nrows: [{name: p, policy: {}}]\n")).rejects.toThrow(
      /no weak model was named/,
    );
  });
});
