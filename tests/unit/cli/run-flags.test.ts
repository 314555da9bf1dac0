/** @file The flags and the schema of the configuration say the same. */
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  addRunFlags,
  DATASET_FLAGS,
  flagName,
  LEARN_FLAGS,
  MODEL_FLAGS,
  RUN_FLAGS,
  readRunFlags,
  SEARCH_FLAGS,
} from "../../../src/cli/run-flags.js";
import { CONFIG_KINDS } from "../../../src/config/config-layers.js";
import { runConfigSchema } from "../../../src/config/run-config.js";

/** Keys that are set in the file or the environment only. */
const FILE_ONLY = /^(limits\.|bootstrap\.)/;

interface Shape {
  default?: unknown;
  properties?: Record<string, Shape>;
}

function defaultOf(path: string): unknown {
  let shape = z.toJSONSchema(runConfigSchema, { io: "input", unrepresentable: "any" }) as Shape;
  for (const part of path.split(".")) shape = shape.properties?.[part] ?? {};
  return shape.default;
}

describe("RUN_FLAGS", () => {
  it("has a flag for every key, and a key for every flag", () => {
    expect(Object.keys(RUN_FLAGS).filter((path) => !CONFIG_KINDS.has(path))).toEqual([]);
    const without = [...CONFIG_KINDS.keys()].filter((path) => !(path in RUN_FLAGS) && !FILE_ONLY.test(path));
    expect(without).toEqual([]);
  });

  it("takes a value exactly where the key is no boolean", () => {
    for (const [path, [flag]] of Object.entries(RUN_FLAGS)) {
      expect(flag.includes("<"), flag).toBe(CONFIG_KINDS.get(path) !== "boolean");
    }
  });

  it("names each flag once, and each default rightly", () => {
    const names = Object.keys(RUN_FLAGS).map(flagName);
    expect(new Set(names).size).toBe(names.length);
    for (const [path, [, help]] of Object.entries(RUN_FLAGS)) {
      const told = /\(default ([^)]+)\)/.exec(help)?.[1];
      const real = defaultOf(path);
      if (told !== undefined && real !== undefined) expect(told, path).toBe(String(real));
      if (real !== undefined && real !== false) expect(help, path).toContain(`(default ${String(real)})`);
    }
  });

  it("is offered in whole by learn", () => {
    const lists = [DATASET_FLAGS, MODEL_FLAGS, SEARCH_FLAGS, LEARN_FLAGS];
    const offered = new Set<string>(lists.flat());
    expect(Object.keys(RUN_FLAGS).filter((path) => !offered.has(path))).toEqual([]);
    expect(offered.size).toBe(lists.reduce((sum, list) => sum + list.length, 0));
  });
});

describe("readRunFlags", () => {
  it("gives what was typed, by key, and nothing else", async () => {
    const command = addRunFlags(new Command("x"), Object.keys(RUN_FLAGS)).action(() => {});
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
});
