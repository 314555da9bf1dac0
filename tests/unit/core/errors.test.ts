/** @file Error classes: stable codes, the marker, bounded messages. */
import { describe, expect, it } from "vitest";
import { ConfigError, InternalError, ModelCallError, messageOf, W4sError } from "../../../src/core/errors.js";

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
