/** @file Error classes: stable codes, the marker, bounded messages. */
import { describe, expect, it } from "vitest";
import {
  BudgetExceededError,
  ConfigError,
  FormatError,
  InputError,
  InternalError,
  LostSamplesError,
  ModelCallError,
  messageOf,
  NoSandboxError,
  NotDifferentiableError,
  QueueError,
  RunInUseError,
  ShapeError,
  StorageError,
  TrainingDivergedError,
  UnsupportedModelError,
  W4sError,
} from "../../../src/core/errors.js";

describe("W4sError", () => {
  it("is recognised across copies of the package", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("w4s.error")]: true });
    expect(W4sError.is(foreign)).toBe(true);
    expect(W4sError.is(new ConfigError("x"))).toBe(true);
    for (const value of [new Error("x"), null, undefined, "x", 1]) expect(W4sError.is(value)).toBe(false);
  });

  it("carries name, code, hint and cause", () => {
    const cause = new Error("why");
    const error = new ConfigError("what", { hint: "do", cause, code: "special" });
    expect(error).toMatchObject({ name: "ConfigError", code: "special", hint: "do", cause });
    expect(new InternalError("x").message).toBe("internal: x");
  });
});

describe("an error as JSON", () => {
  const cause = new TypeError("a\n reason");
  const errors = [
    new ConfigError("no such flag", { code: "flag", hint: "see --help", cause }),
    new NoSandboxError("no sandbox"),
    new InputError("bad line", { code: "bad-example" }),
    new FormatError("bad magic", { file: "NaN.gguf", byteOffset: 12, code: "magic" }),
    new UnsupportedModelError("no mamba"),
    new TrainingDivergedError(7, Number.NaN),
    new TrainingDivergedError(8, Number.POSITIVE_INFINITY, { hint: "another hint" }),
    new ShapeError("matmul", [[2, 3], [4]], "do not fit"),
    new NotDifferentiableError("argmax", "x"),
    new ModelCallError("server", "503", { status: 503, isRetryable: true, isFatal: true }),
    new BudgetExceededError("tokens", 10, 12),
    new LostSamplesError("none can be compared"),
    new StorageError("disk full", { code: "full" }),
    new RunInUseError("locked"),
    new QueueError("away"),
    new InternalError("cannot be"),
    new W4sError("own-code", "something else"),
  ] as const;

  it.each(errors.map((error) => [error.name, error] as const))("%s comes back whole", (_, error) => {
    const back = W4sError.fromJson(JSON.parse(JSON.stringify(error.toJson())));
    expect(Object.getPrototypeOf(back)).toBe(Object.getPrototypeOf(error));
    expect(W4sError.is(back)).toBe(true);
    expect({ ...back, message: back.message }).toEqual({ ...error, message: error.message });
    expect(back.cause).toEqual(error.cause === undefined ? undefined : new Error("a reason"));
  });

  it("names its class and has its fields beside the common ones", () => {
    expect(new BudgetExceededError("calls", 3, 4).toJson()).toEqual({
      w4sError: "BudgetExceededError",
      code: "budget",
      message: "budget spent: 4 of 3 calls",
      hint: "raise --max-calls and run the same command again to go on",
      kind: "calls",
      limit: 3,
      used: 4,
    });
    expect(new TrainingDivergedError(1, Number.NaN).toJson().loss).toBe("NaN");
  });

  it("of an unknown class is a W4sError with the code it had", () => {
    class OwnError extends W4sError {}
    const back = W4sError.fromJson(new OwnError("own", "mine", { hint: "do" }).toJson());
    expect(back).toMatchObject({ code: "own", message: "mine", hint: "do" });
    expect(back).not.toBeInstanceOf(OwnError);
  });
});

describe("ModelCallError", () => {
  it("stops the run for what no further call can mend, and not for one sample's fault", () => {
    for (const kind of ["auth", "model-not-found", "quota", "not-openai", "unreachable"] as const) {
      expect(new ModelCallError(kind, "x").isFatal).toBe(true);
    }
    for (const kind of ["context-length", "empty", "refused", "server", "timeout"] as const) {
      expect(new ModelCallError(kind, "x").isFatal).toBe(false);
    }
    expect(new ModelCallError("server", "x", { isFatal: true }).isFatal).toBe(true);
  });
});

describe("messageOf", () => {
  it("makes one bounded line of anything", () => {
    expect(messageOf(new Error("a\n  b\tc "))).toBe("a b c");
    expect(messageOf("x".repeat(600))).toHaveLength(501);
    expect(messageOf(undefined)).toBe("undefined");
    expect(messageOf(null)).toBe("null");
    expect(messageOf({ toString: () => "odd" })).toBe("odd");
  });
});
