/** @file Batches of jobs: their sizes, names, and what they refer to; and texts sealed with a shared secret. */
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../../src/core/hash.js";
import type { Job } from "../../../../src/evaluate/evaluation.js";
import { cutBatches, makeBatch, readBatch, referTo } from "../../../../src/evaluate/queue/queue-batch.js";
import { seal, unseal } from "../../../../src/evaluate/queue/seal.js";

const job = (id: string): Job => ({
  id,
  workflowHash: "w",
  source: "source",
  sample: { id: "s", question: "q", answers: ["1"], meta: {} },
  epoch: 0,
  seed: 7,
});

describe("cutBatches", () => {
  it.each([
    [1, [1]],
    [19, [19]],
    [45, [20, 20, 5]],
    [4_000, Array.from({ length: 100 }, () => 40)],
    [20_050, [...Array.from({ length: 200 }, () => 100), 50]],
  ])("%i jobs are cut into 20 to 100 each, the last one shorter", (count, sizes) => {
    const jobs = Array.from({ length: count }, (_, index) => index);
    const batches = cutBatches(jobs);
    expect(batches.map(({ length }) => length)).toEqual(sizes);
    expect(batches.flat()).toEqual(jobs);
  });
});

describe("makeBatch", () => {
  it("has an id that a queue takes and that its jobs decide", () => {
    const refs = ["a", "b"].map((id) => referTo(job(id), undefined).ref);
    const batch = makeBatch("plan", refs);
    expect(batch.id).toMatch(/^b[0-9a-f]{40}$/);
    expect(makeBatch("plan", refs).id).toBe(batch.id);
    expect(makeBatch("plan", refs.slice(1)).id).not.toBe(batch.id);
    expect(makeBatch("other", refs).id).not.toBe(batch.id);
    expect(readBatch(JSON.stringify(batch))).toEqual(batch);
  });

  it("names texts by their content and holds none of them", () => {
    const { ref, texts } = referTo({ ...job("a"), carried: undefined }, { examples: [] });
    expect(texts.get(ref.workflow)).toBe("source");
    expect(JSON.parse(texts.get(ref.sample) ?? "").question).toBe("q");
    expect(texts.get(ref.examples ?? "")).toBe('{"examples":[]}');
    for (const [hash, text] of texts) expect(sha256(text)).toBe(hash);
    expect(JSON.stringify(ref)).not.toContain("question");
  });
});

describe("seal", () => {
  it("opens with the secret it was made with, and without one where there was none", () => {
    expect(unseal(seal("text", "secret"), "secret")).toBe("text");
    expect(unseal(seal("text", undefined), undefined)).toBe("text");
  });

  it.each([
    ["another secret", seal("text", "secret"), "other"],
    ["none here", seal("text", "secret"), undefined],
    ["none there", seal("text", undefined), "secret"],
    ["changed", seal("text", "secret").replace("text", "next"), "secret"],
    ["no sealed text", '{"body":1}', undefined],
    ["no JSON", "{", undefined],
  ])("refuses: %s", (_, sealed, token) => {
    expect(unseal(sealed, token)).toBeUndefined();
  });
});
