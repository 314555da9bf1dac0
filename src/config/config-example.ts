/** @file A commented configuration with every key, made from the schema so that it cannot fall behind. */
import { stringify } from "yaml";
import { z } from "zod";
import { runConfigSchema } from "./run-config.js";

/** The part of JSON Schema that our configuration uses. */
interface Shape {
  type?: string | undefined;
  description?: string | undefined;
  default?: unknown;
  enum?: unknown[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | undefined;
  properties?: Record<string, Shape> | undefined;
}

const SECTIONS: Readonly<Record<string, string>> = {
  task: "What is solved, and with which models",
  gpu: "Local models",
  episodes: "The search",
  screen: "Evaluation",
  concurrency: "Speed, limits and money",
  learn: "Rounds of learning",
  serve: "Serving workflows (w4s serve)",
  run: "Where it is written, and how it ends",
};

const EXECUTORS_EXAMPLE = `#executors:
#  big:
#    url: https://api.openai.com/v1
#    model: gpt-4o
#    apiKeyEnv: OPENAI_API_KEY
#    inputPerMillion: 2.5
#    outputPerMillion: 10`;

/** Of maps whose keys are the user's. */
const EXAMPLES: Readonly<Record<string, string>> = {
  executors: EXECUTORS_EXAMPLE,
  params: "#params: { reasoning_effort: low, headers: { x-team: NAME } }",
  tools:
    "#tools: NAME.mjs  # or { module: NAME.mjs, mcp: [{ command: npx, args: [-y, NAME] }, { url: URL }] }",
  policies:
    "#policies: { proposer: { model: NAME, temperature: 0.8 }, critic: { model: NAME, train: false } }",
  rewardWeights: "#rewardWeights: { accuracy: 1, efficiency: 0.2, coherence: 0, relevance: 0 }",
};

/** YAML with every key, its meaning, range and default; only the given keys are active. */
export function configExample(given: Readonly<Record<string, unknown>> = {}): string {
  const schema = z.toJSONSchema(runConfigSchema, { io: "input", unrepresentable: "any" }) as Shape;
  const lines = [
    "# Settings of w4s, read from the folder it is started in.",
    "# Order: defaults < this file < W4S_* environment variables < flags. Keys are never written here:",
    "# apiKeyEnv names the environment variable that holds one.",
  ];
  for (const [key, shape] of Object.entries(schema.properties ?? {})) {
    const section = SECTIONS[key];
    if (section) lines.push("", `# --- ${section} ---`);
    lines.push(...describe(key, shape, given[key]));
  }
  return `${lines.join("\n")}\n`;
}

function describe(key: string, shape: Shape, value: unknown): string[] {
  const lines = [`# ${note(shape)}`];
  if (value !== undefined) lines.push(entry(key, value));
  else if (EXAMPLES[key] !== undefined) lines.push(EXAMPLES[key]);
  else if (shape.properties) {
    lines.push(`#${key}:`);
    for (const [name, member] of Object.entries(shape.properties)) {
      lines.push(`#  ${name}: ${example(member)}  # ${note(member)}`);
    }
  } else lines.push(`#${key}: ${example(shape)}`);
  return lines;
}

function entry(key: string, value: unknown): string {
  return stringify({ [key]: value }).trimEnd();
}

/** Meaning, then range or choices. */
function note({ description = "", enum: choices, minimum, maximum, exclusiveMinimum }: Shape): string {
  if (choices) return `${description} (${choices.join(", ")})`;
  if (exclusiveMinimum !== undefined) return `${description} (above ${exclusiveMinimum})`;
  if (minimum === undefined) return description;
  const upper = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`;
  return `${description} (${minimum}${upper})`;
}

/** The default, or a stand-in of the right kind. */
function example(shape: Shape): string {
  if (shape.default !== undefined) return JSON.stringify(shape.default);
  if (shape.enum) return String(shape.enum[0]);
  if (shape.type === "boolean") return "true";
  return shape.type === "string" ? "NAME" : String(shape.minimum ?? shape.exclusiveMinimum ?? 1);
}
