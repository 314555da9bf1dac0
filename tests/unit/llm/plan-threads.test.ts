/** @file Shares of cores: nobody gets none, and a local executor gets all. */
import { describe, expect, it } from "vitest";
import { planThreads } from "../../../src/llm/local/plan-threads.js";

describe("planThreads", () => {
  it("gives a local executor every thread, and half of them to what works in between", () => {
    expect(planThreads(true, 1)).toEqual({ executor: 1, weak: 1, programs: 1 });
    expect(planThreads(true, 2)).toEqual({ executor: 2, weak: 1, programs: 1 });
    expect(planThreads(true, 16)).toEqual({ executor: 16, weak: 8, programs: 4 });
  });

  it("leaves all to the weak model where the executor runs elsewhere", () => {
    expect(planThreads(false, 2)).toEqual({ executor: 0, weak: 2, programs: 2 });
  });
});
