/** @file The engine over made-up bindings: what it gives back when something fails. */
import { expect, it } from "vitest";
import type { Bindings, BoundContext } from "../../../src/llm/local/local-bindings.js";
import { LocalEngine } from "../../../src/llm/local/local-engine.js";
import { type Candidate, LocalFailure } from "../../../src/llm/local/local-protocol.js";

/** Bindings that count their samplers, and refuse the grammar `bad`. */
function countingBindings() {
  const counts = { made: 0, disposed: 0 };
  const make = () => {
    counts.made++;
    return { dispose: () => void counts.disposed++ };
  };
  const bindings = {
    controlTexts: [],
    bosToken: undefined,
    bosText: "",
    eosText: "",
    addsBos: false,
    canTrim: true,
    tokenize: (text: string) => [...text].map((_, at) => at),
    createContext: async (sequences: number, contextSize: number) =>
      ({ sequences, contextSize, clearSequence: () => {} }) as unknown as BoundContext,
    createSampler: async ({ grammar }: Candidate) => {
      if (grammar === "bad") throw new LocalFailure("bad-grammar", "does not compile");
      return make();
    },
    createScorer: make,
  } as unknown as Bindings;
  return { bindings, counts };
}

it("disposes the samplers made before one whose grammar is bad", async () => {
  const { bindings, counts } = countingBindings();
  const engine = new LocalEngine(bindings, {
    modelPath: "model.gguf",
    gpu: "off",
    threads: 1,
    chatTemplate: "{{ messages[0].content }}",
    maxSequences: 4,
    contextLimit: 64,
    kvCache: "f16",
    stateFolder: "states",
  });
  const candidates = [
    { seed: 1, temperature: 1 },
    { seed: 2, temperature: 1 },
    { seed: 3, temperature: 1 },
  ];
  const call = engine.generate(
    1,
    {
      messages: [{ role: "user", content: "question" }],
      candidates: candidates.map((one, i) => (i === 2 ? { ...one, grammar: "bad" } : one)),
      maxTokens: 2,
      stop: [],
      logProbs: true,
    },
    () => {},
  );
  await expect(call).rejects.toThrow("does not compile");
  expect(counts.made).toBeGreaterThan(0);
  expect(counts.disposed).toBe(counts.made);
});
