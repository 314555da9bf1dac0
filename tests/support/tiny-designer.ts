/** @file A tiny random model whose tokens are the words of workflows and prompts, so that designs and training take a fraction of the time. */
import { makeTinyGguf } from "w4s/testing";
import { subsetGrammar } from "../../src/workflow/subset-grammar.js";
import { apiText } from "../../src/workflow/workflow-api.js";

const SPACE = { answer: "number", offers: new Set<string>(), tools: [], models: [] } as const;

/**
 * Writes the model to `path` and returns the path. One block of two heads: these tests look at the loop around the model, and with
 * twice of each, attention over their prompts took two fifths of the time of `learn-apart`. `contextLength` in tokens, default 4096.
 */
export function makeTinyDesigner(path: string, contextLength?: number): string {
  const text = [
    subsetGrammar({ ...SPACE, forced: [] }),
    ...["full" as const, "compact" as const].map((style) => apiText({ ...SPACE, style })),
  ].join("\n");
  return makeTinyGguf(path, { hasRandomNorms: true, contextLength, vocab: 736, blocks: 1, width: 32, text });
}
