/** @file Ctrl-C once, twice, and the signals that end at once. */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchSignals } from "../../../src/cli/watch-signals.js";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function setUp() {
  const target = new EventEmitter();
  const exits: number[] = [];
  const watch = watchSignals(target, (code) => {
    exits.push(code);
    return undefined as never;
  });
  return { target, exits, watch };
}

describe("watchSignals", () => {
  it("finishes what is in flight after the first Ctrl-C, for less than ten seconds", () => {
    const { target, exits, watch } = setUp();
    target.emit("SIGINT");
    expect([watch.stopSignal.aborted, watch.signal.aborted, watch.exitCode()]).toEqual([true, false, 130]);
    vi.advanceTimersByTime(8000);
    expect(watch.signal.aborted).toBe(false);
    vi.advanceTimersByTime(2000);
    expect(watch.signal.aborted).toBe(true);
    expect(exits).toEqual([130]);
  });

  it("stops at once after the second, and ends by force within a second", () => {
    const { target, exits, watch } = setUp();
    target.emit("SIGINT");
    target.emit("SIGINT");
    expect(watch.signal.aborted).toBe(true);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(exits).toEqual([130]);
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])("gives up what is in flight on %s", (signal, code) => {
    const { target, exits, watch } = setUp();
    target.emit(signal);
    expect([watch.stopSignal.aborted, watch.signal.aborted, watch.exitCode()]).toEqual([true, true, code]);
    vi.advanceTimersByTime(1000);
    expect(exits).toEqual([code]);
  });

  it("never forces an end once the command is done", () => {
    const { target, exits, watch } = setUp();
    target.emit("SIGINT");
    watch.dispose();
    vi.advanceTimersByTime(60_000);
    expect(exits).toEqual([]);
    expect(target.eventNames()).toEqual([]);
  });

  it("has no exit code while nothing was received", () => {
    const { watch } = setUp();
    expect(watch.exitCode()).toBeUndefined();
    expect(watch.stopSignal.aborted).toBe(false);
  });
});
