/** Adapters trained here and put on by llama.cpp: same log-probabilities, and the policy really moves. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { makeTinyGguf, type TinyFamily } from "../../src/formats/gguf/make-tiny-gguf.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { trainAdapter } from "../../src/learn/train-adapter.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { readGgufAdapter } from "../../src/lora/gguf-adapter.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { adapterInjection } from "../support/adapter-injection.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** F32 base, F32 KV cache: rounding only; ggml's GELU for gemma3 comes from a float16 table. */
const TOLERANCE: Readonly<Record<TinyFamily, number>> = {
  llama: 1e-3,
  qwen2: 1e-3,
  qwen3: 1e-3,
  gemma3: 3e-3,
  smollm3: 1e-3,
  granite: 1e-3,
  minicpm: 1e-3,
  phi3: 1e-3,
  lfm2: 1e-3,
};
/** With two, each waits at every barrier until a busy machine lets the other run. */
const THREADS = 1;

const newFolder = useTemporaryFolder();

const QUESTION = { role: "user" as const, content: "What is the answer?" };
const BLUE = "The answer is blue.";
const RED = "It should be a red workflow.";

async function train(folder: string, family: TinyFamily, rows: object[], settings: object) {
  const modelPath = makeTinyGguf(join(folder, "base.gguf"), {
    family,
    blocks: 2,
    hasRandomNorms: true,
    seed: 3,
  });
  const chatPath = join(folder, "chat.jsonl");
  writeFileSync(chatPath, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const result = await trainAdapter({
    modelPath,
    chatPath,
    outFolder: join(folder, "out"),
    threads: THREADS,
    settings: { epochs: 40, learningRate: 5e-3, schedule: "constant", ...settings },
  });
  return { modelPath, ...result };
}

const row = (answer: string, weight: number) => ({
  messages: [QUESTION, { role: "assistant", content: answer }],
  weight,
  task: "colour",
});

describe("trained adapters in llama.cpp", () => {
  // The matrices of smollm3, granite and minicpm are llama's.
  const cases = [
    ...(["llama", "qwen2", "qwen3", "gemma3", "phi3", "lfm2"] as const).map((family) => ({
      family,
      topLayers: undefined,
    })),
    { family: "llama" as const, topLayers: 1 },
  ];
  for (const { family, topLayers } of cases) {
    it(`${family}, ${topLayers ?? "all"} layers: the change of log-probabilities is ours`, async () => {
      const settings = { epochs: 6, topLayers };
      const { modelPath, adapterPath } = await train(newFolder(), family, [row(BLUE, 1)], settings);
      const { pairs } = readGgufAdapter(adapterPath);
      expect(new Set([...pairs.keys()].map((name) => name.split(".")[1])).size).toBe(topLayers ?? 2);
      const random = new Random(11);
      const tokens = Array.from({ length: 80 }, () => random.integer(3, 450));
      const scored = async (adapter: string | undefined) => {
        const options = adapter === undefined ? {} : { adapterPath: adapter };
        await using llama = await LocalModel.load({
          modelPath,
          gpu: "off",
          threads: THREADS,
          kvCache: "f32",
          ...options,
        });
        const injection =
          adapter === undefined ? {} : { injection: adapterInjection(readGgufAdapter(adapter)) };
        const ours = Transformer.open(modelPath, {
          backend: new OrtBackend({ threads: THREADS }),
          weights: "f32",
          ...injection,
        });
        const both = { llama: await llama.scoreTokens(tokens), ours: await ours.logProbs(tokens) };
        await ours.close();
        return both;
      };
      const before = await scored(undefined);
      const after = await scored(adapterPath);
      let moved = 0;
      let apart = 0;
      for (const [i, value] of after.llama.entries()) {
        const theirs = value - (before.llama[i] as number);
        const own = (after.ours[i] as number) - (before.ours[i] as number);
        moved = Math.max(moved, Math.abs(theirs));
        apart = Math.max(apart, Math.abs(theirs - own));
      }
      expect(moved).toBeGreaterThan(0.1);
      expect(apart).toBeLessThanOrEqual(TOLERANCE[family]);
    });
  }

  it("overfits: of two examples the weighted one is learned, the other is not", async () => {
    const { losses, modelPath, adapterPath } = await train(
      newFolder(),
      "llama",
      [row(BLUE, 1), row(RED, 0)],
      {},
    );
    // The loss is half the wanted example's mean cross-entropy: below 0.01 per token it is known by heart.
    expect(losses[0]).toBeGreaterThan(1);
    expect(losses.at(-1)).toBeLessThan(0.005);
    await using model = await LocalModel.load({ modelPath, adapterPath, gpu: "off", threads: THREADS });
    const { replies } = await model.generate({
      messages: [QUESTION],
      candidates: [{ seed: 1, temperature: 0 }],
      maxTokens: 40,
    });
    expect(replies[0]?.text).toBe(BLUE);
  });

  it("moves to the heavier of two contradictory answers: weights 12.18 and 1", async () => {
    const rows = [row(RED, 1), row(BLUE, 12.18)];
    const { modelPath, adapterPath } = await train(newFolder(), "llama", rows, { maxGradientNorm: 100 });
    const shareOf = async (adapter: { adapterPath?: string }) => {
      await using model = await LocalModel.load({ modelPath, gpu: "off", threads: THREADS, ...adapter });
      const candidates = Array.from({ length: 60 }, (_, seed) => ({ seed, temperature: 1 }));
      const { replies } = await model.generate({ messages: [QUESTION], candidates, maxTokens: 40 });
      const count = (text: string) => replies.filter((reply) => reply.text === text).length / replies.length;
      return { blue: count(BLUE), red: count(RED) };
    };
    expect(await shareOf({})).toEqual({ blue: 0, red: 0 });
    const after = await shareOf({ adapterPath });
    // The optimum of the weighted loss says blue with 12.18 / 13.18 = 92 %; 60 draws have a deviation of 3.5 %.
    expect(after.blue).toBeGreaterThan(0.75);
    expect(after.red).toBeLessThan(after.blue);
    expect(after.red).toBeGreaterThan(0);
  });
});
