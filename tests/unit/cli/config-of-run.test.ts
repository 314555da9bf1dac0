/** @file A run brings its models along: they are used, and said, where nothing else names any. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { baseModel } from "../../../src/cli/commands/train.js";
import { configOfRun } from "../../../src/cli/config-of-run.js";
import { addRunFlags, MODEL_FLAGS } from "../../../src/cli/run-flags.js";
import { ConfigError } from "../../../src/core/errors.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
let run: string;
let said = "";

beforeEach(() => {
  run = join(newFolder(), "run");
  mkdirSync(run);
  const kept = {
    executor: "openai:http://127.0.0.1:1/v1",
    executorModel: "theirs",
    model: "nano",
    episodes: 9,
  };
  writeFileSync(join(run, "config.resolved.json"), JSON.stringify(kept));
  said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function commandWith(...words: string[]): Promise<Command> {
  const command = addRunFlags(new Command(), MODEL_FLAGS).option("--config <file>");
  await command.parseAsync(words, { from: "user" });
  return command;
}

describe("configOfRun", () => {
  it("takes executor and model of the run, and says so", async () => {
    const config = await configOfRun(await commandWith("--seed", "4"), run);
    expect(config).toMatchObject({
      ...{ executor: "openai:http://127.0.0.1:1/v1", executorModel: "theirs", model: "nano", seed: 4 },
    });
    expect(config.episodes).not.toBe(9);
    expect(said).toContain("executor openai:http://127.0.0.1:1/v1, theirs: the one this run was made with");
  });

  it("lets flags win, and says nothing then", async () => {
    const config = await configOfRun(await commandWith("--executor", "simulated"), run);
    expect([config.executor, config.model]).toEqual(["simulated", undefined]);
    expect(said).toBe("");
  });

  it("asks for an executor where the run kept none", async () => {
    writeFileSync(join(run, "config.resolved.json"), "{");
    await expect(configOfRun(await commandWith(), run)).rejects.toThrow("executor: missing");
    await expect(configOfRun(await commandWith(), undefined)).rejects.toThrow("executor: missing");
  });
});

describe("the model that train takes", () => {
  it("is the one that was named, else that of the first run which kept any, which is said", () => {
    expect(baseModel({ ConfigError }, "given", [run])).toBe("given");
    expect(said).toBe("");
    expect(baseModel({ ConfigError }, undefined, [join(run, "nosuch"), run])).toBe("nano");
    expect(said).toContain("model nano: the one this run was made with");
    expect(() => baseModel({ ConfigError }, undefined, [])).toThrow("no model to train was named");
  });
});
