/** @file Words of a command line in the order that commander reads them. */
import { describe, expect, it } from "vitest";
import { arrange } from "../../../src/cli/program.js";

describe("arrange", () => {
  it.each([
    ["", "--help"],
    ["help", "help"],
    ["help data", "data --help"],
    ["help data import", "data import --help"],
    ["--json runs", "runs --json"],
    ["runs --json", "runs --json"],
  ])("%s becomes %s", (words, expected) => {
    expect(arrange(words === "" ? [] : words.split(" ")).join(" ")).toBe(expected);
  });
});
