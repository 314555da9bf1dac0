/** @file The flags and the schema of the configuration say the same. */
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addRunFlags,
  DATASET_FLAGS,
  flagName,
  LEARN_FLAGS,
  MODEL_FLAGS,
  QUEUE_FLAGS,
  RUN_FLAGS,
  readRunFlags,
  SEARCH_FLAGS,
  SERVE_FLAGS,
} from "../../../src/cli/run-flags.js";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { SETTINGS } from "../../../src/config/settings.js";

/** Two settings have the name --queue, each on commands of its own: the queue of requests is the server's. */
const OF_ONE_COMMAND = Object.keys(RUN_FLAGS).filter((path) => path !== "serve.queue");

/** Keys that are set in the file or the environment only. */
const FILE_ONLY = /^(limits\.|bootstrap\.)/;

describe("RUN_FLAGS", () => {
  it("has a flag for every key, and a key for every flag", () => {
    expect(Object.keys(RUN_FLAGS).filter((path) => !SETTINGS.has(path))).toEqual([]);
    const without = [...SETTINGS.keys()].filter((path) => !(path in RUN_FLAGS) && !FILE_ONLY.test(path));
    expect(without).toEqual([]);
  });

  it("takes a value exactly where the key is no boolean", () => {
    for (const [path, flag] of Object.entries(RUN_FLAGS)) {
      // In brackets: it may be left out.
      expect(/[<[]/.test(flag), flag).toBe(SETTINGS.get(path)?.kind !== "boolean");
    }
  });

  it("names each flag once", () => {
    const names = OF_ONE_COMMAND.map(flagName);
    expect(flagName("serve.queue")).toBe("--queue");
    expect(new Set(names).size).toBe(names.length);
  });

  it("tells what a key means, its choices and its default, as the configuration has them", () => {
    const { options } = addRunFlags(new Command("x"), OF_ONE_COMMAND);
    const help = (flag: string) => options.find(({ long }) => long === flag)?.description;
    expect(help("--turns")).toBe("turns of an episode (default 4)");
    expect(help("--grammar")).toMatch(/ \(auto, subset, none; default auto\)$/);
    expect(help("--dry-run")).toBe("print the forecast of calls, tokens, dollars and minutes, then stop");
    expect(help("--policy")).toBe("");
    const config = parseRunConfig({ task: "a", executor: "simulated" });
    expect(help("--batch-size")).toContain(`(default ${config.learn.batchSize})`);
    for (const [path, flag] of Object.entries(RUN_FLAGS))
      expect(help(flag.split(" ")[0] ?? "")?.length, path).toBeGreaterThan(10);
  });

  it("is offered in whole by learn and serve", () => {
    const lists = [DATASET_FLAGS, MODEL_FLAGS, SEARCH_FLAGS, LEARN_FLAGS, SERVE_FLAGS, QUEUE_FLAGS];
    const offered = new Set<string>(lists.flat());
    expect(Object.keys(RUN_FLAGS).filter((path) => !offered.has(path))).toEqual([]);
    expect(offered.size).toBe(lists.reduce((sum, list) => sum + list.length, 0));
  });
});

describe("readRunFlags", () => {
  it("gives what was typed, by key, and nothing else", async () => {
    const command = addRunFlags(new Command("x"), OF_ONE_COMMAND).action(() => {});
    await command.parseAsync(["--task", "a", "--max-dollars", "-1", "--dry-run", "--reply-tokens", "7"], {
      from: "user",
    });
    expect(readRunFlags(command)).toEqual(
      new Map<string, string | boolean>([
        ["task", "a"],
        ["maxTokens", "7"],
        ["budget.dollars", "-1"],
        ["dryRun", true],
      ]),
    );
  });

  it.each([
    ["queue", "redis://127.0.0.1:6379"],
    ["serve.queue", "64"],
  ])("takes --queue for %s on the commands that have it", async (path, value) => {
    const command = addRunFlags(new Command("x"), [path]).action(() => {});
    await command.parseAsync(["--queue", value], { from: "user" });
    expect([...readRunFlags(command)]).toEqual([[path, value]]);
  });
});
