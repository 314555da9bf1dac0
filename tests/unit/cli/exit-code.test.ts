/** @file Exit codes and error reports. */
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { EXIT, exitCodeOf } from "../../../src/cli/exit-code.js";
import { describeError } from "../../../src/cli/report-error.js";
import {
  BudgetExceededError,
  ConfigError,
  FormatError,
  InputError,
  InternalError,
  LostSamplesError,
  ModelCallError,
  QueueError,
  RunInUseError,
  StorageError,
  UnsupportedModelError,
  W4sError,
} from "../../../src/core/errors.js";

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe("exitCodeOf", () => {
  it.each([
    [new ConfigError("x"), 2],
    [new ConfigError("x", { code: "run-changed" }), 2],
    [new CommanderError(1, "commander.unknownOption", "x"), 2],
    [new CommanderError(0, "commander.helpDisplayed", "x"), 0],
    [new InputError("x"), 3],
    [new FormatError("x", { file: "f" }), 3],
    [new UnsupportedModelError("x"), 3],
    [new ModelCallError("auth", "x"), 4],
    [new ModelCallError("unreachable", "x"), 4],
    [new LostSamplesError("x"), 5],
    [new StorageError("x"), 6],
    [withCode("ENOSPC"), 6],
    [withCode("EROFS"), 6],
    [new RunInUseError("x"), 7],
    [new QueueError("x"), 4],
    [new BudgetExceededError("dollars", 1, 1), 8],
    [new InternalError("x"), 1],
    [new TypeError("x"), 1],
    [withCode("ENOENT"), 1],
    ["thrown text", 1],
    [undefined, 1],
    [null, 1],
    [new W4sError("sample-outage", "x", { cause: new ModelCallError("server", "x") }), 4],
  ])("%s → %i", (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it("an abort means the signal that was received", () => {
    const abort = new DOMException("stopped", "AbortError");
    expect(exitCodeOf(abort)).toBe(130);
    expect(exitCodeOf(abort, EXIT.terminated)).toBe(143);
    expect(exitCodeOf(abort, EXIT.hangup)).toBe(129);
  });

  it("has one meaning for each number", () => {
    expect(new Set(Object.values(EXIT)).size).toBe(Object.values(EXIT).length);
  });
});

describe("describeError", () => {
  it("says what and what to do for each kind", () => {
    expect(describeError(new InputError("what", { hint: "do", code: "bad-line" }))).toEqual({
      code: "bad-line",
      message: "what",
      hint: "do",
    });
    for (const kind of ["timeout", "server", "bad-reply"] as const) {
      const { hint } = describeError(new ModelCallError(kind, "x"));
      expect(hint).toMatch(/the model's server/);
      expect(hint).not.toMatch(/report it/);
    }
    expect(describeError(new DOMException("x", "AbortError"))).toMatchObject({ code: "interrupted" });
    expect(describeError("odd")).toMatchObject({ code: "bug", message: "odd" });
    expect(describeError(undefined)).toMatchObject({ code: "bug", message: "undefined" });
    expect(
      describeError(new CommanderError(1, "c", "error: unknown option '--x'\n(Did you mean --y?)")),
    ).toEqual({
      code: "usage",
      message: "unknown option '--x'",
      hint: "Did you mean --y?",
    });
  });
});
