/** @file The `policies` section of the configuration: several meta-agents, and how they can work together. */
import { z } from "zod";
import { between, flag, text } from "./config-fields.js";

/**
 * `single`: one policy. `ensemble`: candidates are drawn from all in turn. `proposer-critic`: the first writes, the
 * second reviews in one sentence, the first revises. `hierarchical`: the first picks a line of techniques, the second
 * turns it into a program. `decentralised`: each designs on its own, and shows the others its best workflow each round.
 */
export const COLLABORATIONS = [
  "single",
  "ensemble",
  "proposer-critic",
  "hierarchical",
  "decentralised",
] as const;

export type Collaboration = (typeof COLLABORATIONS)[number];

const policyEntry = z.strictObject({
  model: text("a model name or file").optional().describe("weak local model; default: model"),
  adapter: text("a file").optional().describe("GGUF LoRA adapter it starts with"),
  temperature: between(0, 2).optional().describe("sampling temperature; default: that of the round"),
  train: flag().default(true).describe("whether it learns an adapter of its own"),
});

/** Policies by name, in the order that decides their roles. */
export const policiesSchema = z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,39}$/), policyEntry);
