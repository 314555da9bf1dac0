/** @file Which members a configuration means, and what it refuses. */
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { collaborationOf, teamMembers } from "../../../src/design/team-members.js";

const parse = (more: Record<string, unknown>) =>
  parseRunConfig({ task: "t", executor: "simulated", model: "small.gguf", ...more });
const members = (collaboration: string | undefined, policies?: Record<string, unknown>, more = {}) =>
  teamMembers(
    parse({
      ...(policies === undefined ? {} : { policies }),
      ...(collaboration === undefined ? {} : { learn: { collaboration } }),
      ...more,
    }),
  );

describe("without policies", () => {
  it("is one member, or two copies of the run's model in their roles", () => {
    expect(members(undefined)).toEqual([{ name: "policy", model: "small.gguf", train: true }]);
    expect(collaborationOf(parse({}))).toBe("single");
    expect(members("ensemble", undefined, { adapter: "a.gguf" })).toEqual([
      { name: "one", model: "small.gguf", adapter: "a.gguf", train: true },
      { name: "two", model: "small.gguf", adapter: "a.gguf", train: true, hotter: 0.3 },
    ]);
    for (const [mode, names] of [
      ["decentralised", ["one", "two"]],
      ["proposer-critic", ["proposer", "critic"]],
      ["hierarchical", ["planner", "writer"]],
    ] as const) {
      expect(members(mode).map(({ name }) => name)).toEqual(names);
      expect(members(mode).some(({ hotter }) => hotter !== undefined)).toBe(false);
    }
  });

  it("needs a model", () => {
    const config = parseRunConfig({ task: "t", executor: "simulated" });
    expect(() => teamMembers(config)).toThrow(/no weak model was named/);
  });
});

describe("with policies", () => {
  it("takes them in their order, each with its own model, adapter and temperature", () => {
    const policies = {
      zed: { model: "big.gguf", temperature: 0.2 },
      abe: { train: false },
      own: { adapter: "b.gguf" },
    };
    expect(members("ensemble", policies, { adapter: "a.gguf" })).toEqual([
      // The run's adapter does not fit another model.
      { name: "zed", model: "big.gguf", temperature: 0.2, train: true },
      { name: "abe", model: "small.gguf", adapter: "a.gguf", train: false },
      { name: "own", model: "small.gguf", adapter: "b.gguf", train: true },
    ]);
  });

  it("leaves them aside where single is asked for by name", () => {
    expect(members("single", { a: {}, b: {} })).toEqual([
      { name: "policy", model: "small.gguf", train: true },
    ]);
  });

  it.each([
    [undefined, { a: {}, b: {} }, /not how they work together/],
    ["ensemble", { a: {} }, /ensemble takes 2 to 8 policies, got 1 \(a\)/],
    ["decentralised", { a: {} }, /decentralised takes 2 to 8 policies/],
    [
      "proposer-critic",
      { a: {}, b: {}, c: {} },
      /proposer-critic takes exactly 2 policies, got 3 \(a, b, c\)/,
    ],
    ["hierarchical", { a: {} }, /hierarchical takes exactly 2 policies/],
    ["ensemble", { a: { train: false }, b: { train: false } }, /none of the policies is trained/],
    ["ensemble", { One: {}, one: {} }, /two policies are called one, but for capitals/],
  ])("%s with %j is refused with what to do", (mode, policies, message) => {
    expect(() => members(mode, policies)).toThrow(message);
    try {
      members(mode, policies);
    } catch (error) {
      expect((error as { hint?: string }).hint).toMatch(/\w/);
    }
  });

  it.each([
    [{ a: { modle: "m" } }, /policies\.a\.modle.*unknown key/s],
    [{ "a b": {} }, /must be an alias/],
    [{ a: { temperature: 3 } }, /policies\.a\.temperature.*0 to 2/s],
    [{ a: { train: "yes" } }, /policies\.a\.train.*true or false/s],
  ])("refuses %j where the configuration is read", (policies, message) => {
    expect(() => parse({ policies })).toThrow(message);
  });
});
