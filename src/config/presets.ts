/** @file Named settings for `--preset`: below the configuration file, the environment and flags. */
import { fileURLToPath } from "node:url";
import { ConfigError } from "../core/errors.js";
import { nearHint } from "../core/near-names.js";

/** Nested as in w4s.config.yaml. */
export const PRESETS: Readonly<Record<string, Record<string, unknown>>> = {
  /** About three minutes on two cores, without network or key: embedded nano model, simulated executor. */
  demo: {
    task: "counting,shopping,unit-conversion",
    model: "nano",
    executor: "simulated",
    rulesFile: fileURLToPath(new URL("../../models/nano/demo-rules.yaml", import.meta.url)),
    gpu: "off",
    threads: 1,
    episodes: 9,
    turns: 1,
    candidates: 5,
    temperature: 0.8,
    explore: 0.5,
    maxRepairs: 0,
    screen: 0,
    validationLimit: 32,
    testLimit: 40,
    promptStyle: "compact",
    learn: {
      heldBack: "sequences,swaps",
      rounds: 2,
      evaluationEpisodes: 6,
      control: "random",
      fromScratch: 1,
      candidatesSchedule: "8",
      exploreSchedule: "1,0.5",
      epochs: 4,
      learningRate: 0.004,
    },
  },
};

/** @throws {ConfigError} on an unknown name */
export function preset(name: string): Record<string, unknown> {
  const found = PRESETS[name];
  if (found !== undefined) return found;
  const hint = nearHint(name, Object.keys(PRESETS));
  throw new ConfigError(`unknown preset ${JSON.stringify(name)}`, { hint });
}
