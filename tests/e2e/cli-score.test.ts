/** @file `w4s score` at the command line: numbers on stdout, the comparison with llama.cpp, and wrong input. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { gguf } from "../../src/formats/gguf/gguf-writer.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const runCli = useCliHost();
const newFolder = useTemporaryFolder();
const TEXT = "The workflow asks the model to think about the question and then to check the answer. ";
/** F32 weights on both sides, F32 KV cache: rounding only. */
const TOLERANCE = 1e-3;

let folder: string;
let model: string;
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = newFolder();
  model = makeTinyGguf(join(folder, "tiny.gguf"), { hasRandomNorms: true });
});

describe("w4s score", () => {
  it("agrees with llama.cpp on a text, and prints one JSON object", async () => {
    const result = await runCli([
      "score",
      model,
      "--text",
      file("text.txt", TEXT),
      "--compare",
      "--threads",
      "2",
      "--json",
    ]);
    expect(result.code).toBe(0);
    const score = JSON.parse(result.stdout);
    expect(score.logProbs).toHaveLength(score.tokens.length - 1);
    expect(score.tokens.length).toBeGreaterThan(10);
    expect(score.llama.largestDifference).toBeLessThanOrEqual(TOLERANCE);
    const mean =
      score.logProbs.reduce((sum: number, value: number) => sum + value, 0) / score.logProbs.length;
    expect(score.perplexity).toBeCloseTo(Math.exp(-mean), 6);
    expect(result.stderr).toContain("llama, 2 layers, weights f32");
  });

  it("puts messages through the chat template, and cuts where asked", async () => {
    const messages = file("chat.json", JSON.stringify([{ role: "user", content: TEXT }]));
    const result = await runCli([
      "score",
      model,
      "--messages",
      messages,
      "--max-tokens",
      "8",
      "--threads",
      "2",
    ]);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/tokens\s+8, \d+ more left out/);
  });

  it("names what it cannot read", async () => {
    const text = file("some.txt", TEXT);
    expectFailure(await runCli(["score", model]), 2, /either --text or --messages/);
    expectFailure(await runCli(["score", model, "--text", text, "--weights", "q4"]), 2, /f32, f16, streamed/);
    expectFailure(
      await runCli(["score", model, "--text", text, "--max-tokens", "0"]),
      2,
      /whole number above 0/,
    );
    expectFailure(await runCli(["score", "no-such.gguf", "--text", text]), 3, /no-such\.gguf/);
    expectFailure(await runCli(["score", model, "--text", join(folder, "none.txt")]), 3, /none\.txt/);
    expectFailure(await runCli(["score", model, "--text", file("empty.txt", "")]), 3, /needs at least 2/);
    expectFailure(
      await runCli(["score", model, "--messages", file("bad.json", "{}")]),
      3,
      /holds no messages/,
    );
    expectFailure(await runCli(["score", text, "--text", text]), 3, /bad GGUF: magic/);
  });

  it("refuses a model it does not compute, by name, before llama.cpp sees it", async () => {
    const yarn = makeTinyGguf(join(folder, "yarn.gguf"), {
      editMetadata: (metadata) => metadata.set("llama.rope.scaling.type", gguf.string("yarn")),
    });
    const result = await runCli(["score", yarn, "--text", file("t.txt", TEXT)]);
    expectFailure(result, 3, /llama\.rope\.scaling\.type is yarn; supported are none and linear/);
  });
});
