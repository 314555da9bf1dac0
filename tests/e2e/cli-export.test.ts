/** @file `w4s export` and `w4s import` at the command line: every form is read back, wrong input is named. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { parse } from "yaml";
import { GgufFile } from "../../src/formats/gguf/gguf-file.js";
import { gguf } from "../../src/formats/gguf/gguf-writer.js";
import { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";
import { writeSafetensors } from "../../src/formats/safetensors/write-safetensors.js";
import { readGgufAdapter, writeGgufAdapter } from "../../src/lora/gguf-adapter.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { ROOT } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const runCli = useCliHost();
const newFolder = useTemporaryFolder();
let folder: string;
let base: string;
let adapter: string;

const w4s = (...args: string[]) => runCli(args, { cwd: folder });

beforeAll(async () => {
  folder = newFolder();
  base = makeTinyGguf(join(folder, "base.gguf"), { hasRandomNorms: true });
  const chat = join(folder, "chat.jsonl");
  const messages = [
    { role: "user", content: "What is it?" },
    { role: "assistant", content: "A workflow." },
  ];
  writeFileSync(chat, `${JSON.stringify({ messages })}\n`);
  const result = await w4s(
    "train",
    "--model",
    base,
    "--chat",
    chat,
    "--out",
    "out",
    "--rank",
    "4",
    "--learning-rate",
    "0.01",
  );
  expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
  const name = readdirSync(join(folder, "out")).find((file) => file.endsWith(".gguf")) as string;
  adapter = join(folder, "out", name);
});

describe("adapters", () => {
  it("go to PEFT and back without losing a bit", async () => {
    expect((await w4s("export", adapter, "--to", "peft", "--base", base, "--out", "peft")).code).toBe(0);
    const back = await w4s("import", "peft", "--base", base, "--out", "back.gguf");
    expect(back.code).toBe(0);
    expect(back.stdout).toMatch(/rank 4, alpha 8, 14 pairs/);
    expect([...readGgufAdapter(join(folder, "back.gguf")).pairs]).toEqual([
      ...readGgufAdapter(adapter).pairs,
    ]);
  });

  it("merge to F16 and Q8_0; what the adapter does not touch keeps its bytes", async () => {
    for (const type of ["F16", "Q8_0"]) {
      const out = join(folder, `merged-${type}.gguf`);
      expect(
        (await w4s("export", adapter, "--to", "merged", "--base", base, "--type", type, "--out", out)).code,
      ).toBe(0);
      const merged = GgufFile.open(out);
      const original = GgufFile.open(base);
      expect(merged.tensors.get("blk.0.attn_q.weight")?.typeName).toBe(type);
      expect(merged.tensors.get("token_embd.weight")?.typeName).toBe("F32");
      expect(merged.readBytes("token_embd.weight")).toEqual(original.readBytes("token_embd.weight"));
      merged.close();
      original.close();
      const text = join(folder, "text.txt");
      writeFileSync(text, "The workflow asks the model to check the answer.");
      const score = await w4s("score", out, "--text", text, "--threads", "1", "--compare", "--json");
      expect(score.code).toBe(0);
      expect(JSON.parse(score.stdout).llama.meanDifference).toBeLessThan(0.05);
    }
  });

  it("are written as smaller GGUF files too", async () => {
    expect(
      (await w4s("export", adapter, "--to", "gguf", "--type", "F16", "--base", base, "--out", "half.gguf"))
        .code,
    ).toBe(0);
    const half = GgufFile.open(join(folder, "half.gguf"));
    expect([...half.tensors.values()].every(({ typeName }) => typeName === "F16")).toBe(true);
    half.close();
  });

  it("are inspected: origin, and whether they fit a base", async () => {
    const own = await w4s("inspect", adapter, "--base", base);
    expect(own.code).toBe(0);
    expect(own.stdout).toMatch(/fits\s+yes, trained on/);
    expect(own.stdout).toMatch(/w4s\.train\.config/);
    const sibling = makeTinyGguf(join(folder, "sibling.gguf"), { seed: 7 });
    expect((await w4s("inspect", adapter, "--base", sibling)).stdout).toMatch(/trained on another file/);
    const wide = makeTinyGguf(join(folder, "wider.gguf"), { width: 128 });
    expectFailure(await w4s("inspect", adapter, "--base", wide), 3, /do not fit a weight/);
    expect((await w4s("inspect", base)).stdout).toMatch(/trainable\s+yes/);
    const moe = makeTinyGguf(join(folder, "yarn.gguf"), {
      editMetadata: (metadata) => metadata.set("llama.rope.scaling.type", gguf.string("yarn")),
    });
    expect((await w4s("inspect", moe)).stdout).toMatch(/trainable\s+no: llama\.rope\.scaling\.type is yarn/);
    expectFailure(await w4s("inspect", base, "--base", base), 2, /--base is for adapters/);
  });

  it("warn where the base is another file of the same sizes, and say so in JSON", async () => {
    const twin = makeTinyGguf(join(folder, "twin.gguf"), { seed: 8 });
    const merged = ["export", adapter, "--to", "merged", "--type", "F32", "--json"];
    const other = await w4s(...merged, "--base", twin, "--out", "twin-merged.gguf");
    expect(other.code).toBe(0);
    expect(other.stderr).toMatch(
      /^warning: .* was trained on another file than .*twin\.gguf, of the same sizes/m,
    );
    expect(JSON.parse(other.stdout)).toEqual({ path: "twin-merged.gguf", fit: "fits another base" });
    const own = await w4s(...merged, "--base", base, "--out", "own-merged.gguf");
    expect(own.stderr).not.toMatch(/warning/);
    expect(JSON.parse(own.stdout)).toEqual({ path: "own-merged.gguf", fit: "same base" });
  });

  it("of other tools may leave layers out; what is imported trains on", async () => {
    const full = readGgufAdapter(adapter);
    const pairs = new Map([...full.pairs].filter(([name]) => name.startsWith("blk.1.")));
    await writeGgufAdapter(join(folder, "last-layer.gguf"), { ...full, pairs });
    const imported = await w4s(
      "import",
      "last-layer.gguf",
      "--base",
      base,
      "--out",
      "completed.gguf",
      "--json",
    );
    expect(imported.code).toBe(0);
    expect(JSON.parse(imported.stdout)).toMatchObject({ pairs: 14, addedPairs: 7 });
    const completed = readGgufAdapter(join(folder, "completed.gguf"));
    expect(completed.pairs.get("blk.1.attn_q.weight")).toEqual(full.pairs.get("blk.1.attn_q.weight"));
    const chat = ["--chat", join(folder, "chat.jsonl"), "--epochs", "1", "--learning-rate", "0.01"];
    const trained = await w4s(
      "train",
      "--model",
      base,
      "--continue",
      "completed.gguf",
      ...chat,
      "--out",
      "more",
    );
    expect(`${trained.code} ${trained.stderr}`).toMatch(/^0 /);
    const name = readdirSync(join(folder, "more")).find((file) => file.endsWith(".gguf")) as string;
    const after = readGgufAdapter(join(folder, "more", name));
    expect(after.pairs.get("blk.0.attn_q.weight")).toEqual(completed.pairs.get("blk.0.attn_q.weight"));
    expect(after.pairs.get("blk.1.attn_q.weight")).not.toEqual(completed.pairs.get("blk.1.attn_q.weight"));
  });

  it("name a target that cannot be written, and never write over what they read", async () => {
    writeFileSync(join(folder, "plain-file"), "");
    for (const to of ["gguf", "merged", "peft"]) {
      const result = await w4s("export", adapter, "--to", to, "--base", base, "--out", "plain-file/x");
      expectFailure(result, 6, /cannot write/);
    }
    const before = readFileSync(base);
    const onto = await w4s("export", adapter, "--to", "merged", "--base", base, "--out", base, "--force");
    expectFailure(onto, 2, /is what is read/);
    expectFailure(
      await w4s("import", adapter, "--base", base, "--out", adapter, "--force"),
      2,
      /is what is read/,
    );
    expect(readFileSync(base).equals(before)).toBe(true);
    writeFileSync(join(folder, "old.gguf"), "old");
    const forced = await w4s(
      "export",
      adapter,
      "--to",
      "gguf",
      "--base",
      base,
      "--out",
      "old.gguf",
      "--force",
    );
    expect(forced.code).toBe(0);
    expect([...readGgufAdapter(join(folder, "old.gguf")).pairs]).toEqual([...readGgufAdapter(adapter).pairs]);
  });

  it("of a run are its last one on its own model, where only the run is named", async () => {
    const run = join(folder, "runs", "learned");
    cpSync(join(ROOT, "tests/fixtures/runs-0.1/learn"), run, { recursive: true });
    const kept = join(run, "config.resolved.json");
    writeFileSync(kept, JSON.stringify({ ...JSON.parse(readFileSync(kept, "utf8")), model: base }));
    const exported = await w4s("export", "learned", "--to", "gguf", "--type", "F16", "--out", "of-run.gguf");
    expect(`${exported.code} ${exported.stderr}`).toMatch(/^0 /);
    expect(exported.stderr).toMatch(/adapter .*adapter-02-552cafb5b35e\.gguf: the last one of this run/);
    expect(exported.stderr).toMatch(/base .*: the model of .*learned/);
    cpSync(join(ROOT, "tests/fixtures/runs-0.1/optimize"), join(folder, "runs", "searched"), {
      recursive: true,
    });
    expectFailure(
      await w4s("export", "searched", "--to", "merged", "--out", "m.gguf"),
      3,
      /holds no adapter; w4s learn/,
    );
    expectFailure(
      await w4s("export", "nosuch", "--to", "merged", "--out", "m.gguf"),
      3,
      /there is no run nosuch/,
    );
  });

  it("take no flag that would do nothing", async () => {
    const to = (form: string, ...flags: string[]) =>
      w4s("export", adapter, "--to", form, "--out", "n", ...flags);
    expectFailure(await to("peft", "--base", base, "--seed", "1"), 2, /--seed does nothing with --to peft/);
    expectFailure(await to("messages", "--type", "F16"), 2, /--type does nothing with --to messages/);
    expectFailure(await to("dpo", "--seed", "1"), 2, /--seed does nothing with --to dpo/);
    expectFailure(
      await to("gguf", "--base", base, "--reward-temperature", "1"),
      2,
      /--reward-temperature does nothing/,
    );
    expectFailure(await to("resampled", "--seed", "1.5"), 2, /must be a whole number/);
  });

  it("names what cannot be done", async () => {
    const other = makeTinyGguf(join(folder, "wide.gguf"), { width: 96 });
    const qwen = makeTinyGguf(join(folder, "qwen.gguf"), { family: "qwen2" });
    expectFailure(await w4s("export", adapter, "--to", "peft", "--out", "p1"), 2, /--base is missing/);
    expectFailure(await w4s("export", adapter, "--to", "onnx", "--out", "p1"), 2, /merged, messages/);
    expectFailure(
      await w4s("export", adapter, "--to", "gguf", "--base", base, "--out", "chat.jsonl"),
      2,
      /exists already.*--force/,
    );
    expectFailure(
      await w4s("export", adapter, "--to", "peft", "--type", "Q8_0", "--base", base, "--out", "p1"),
      2,
      /cannot hold Q8_0/,
    );
    expectFailure(
      await w4s("export", adapter, "--to", "merged", "--base", qwen, "--out", "m"),
      3,
      /is llama, the model is qwen2/,
    );
    expectFailure(
      await w4s("export", adapter, "--to", "merged", "--base", other, "--out", "m"),
      3,
      /do not fit a weight/,
    );
    expectFailure(
      await w4s("export", base, "--to", "peft", "--base", base, "--out", "m"),
      3,
      /is not an adapter/,
    );
    expectFailure(
      await w4s("import", "nowhere", "--base", base, "--out", "i.gguf"),
      3,
      /nowhere does not exist/,
    );
    const above = join(folder, "above");
    mkdirSync(join(above, "my-run"), { recursive: true });
    expectFailure(await w4s("import", above, "--base", base, "--out", "i.gguf"), 3, /adapter_config\.json/);
    writeFileSync(join(above, "my-run", "adapter_config.json"), "{}");
    expectFailure(
      await w4s("import", above, "--base", base, "--out", "i.gguf"),
      3,
      /name one of its folders: my-run/,
    );
    const narrow = await w4s("import", adapter, "--base", other, "--out", "i.gguf");
    expectFailure(narrow, 3, /blk\.0\.attn_q\.weight is 64 × 64; the base has 2 layers of 96 × 96/);
    expectFailure(
      await w4s("import", adapter, "--base", qwen, "--out", "i.gguf"),
      3,
      /is for llama, the base is qwen2/,
    );
    for (const name of ["m", "i.gguf"]) expect(existsSync(join(folder, name))).toBe(false);
  });

  it("refuses PEFT directories that mean something else", async () => {
    await w4s("export", adapter, "--to", "peft", "--base", base, "--out", "plain");
    const config = JSON.parse(readFileSync(join(folder, "plain", "adapter_config.json"), "utf8"));
    const weights = readFileSync(join(folder, "plain", "adapter_model.safetensors"));
    const variant = async (name: string, change: object, bytes = weights) => {
      const path = join(folder, name);
      mkdirSync(path);
      writeFileSync(join(path, "adapter_config.json"), JSON.stringify({ ...config, ...change }));
      writeFileSync(join(path, "adapter_model.safetensors"), bytes);
      return w4s("import", path, "--base", base, "--out", `imported-${name}.gguf`);
    };
    expectFailure(await variant("dora", { use_dora: true }), 3, /use_dora: is true: DoRA is not supported/);
    expectFailure(await variant("pattern", { rank_pattern: { q_proj: 8 } }), 3, /the configuration says 8/);
    expectFailure(await variant("rank", { r: 8 }), 3, /has rank 4 and 4, the configuration says 8/);
    expectFailure(await variant("alpha", { lora_alpha: 0 }), 3, /lora_alpha: is 0/);
    expectFailure(await variant("ia3", { peft_type: "IA3" }), 3, /peft_type: is "IA3"/);
    expectFailure(await variant("cut", {}, weights.subarray(0, 300)), 3, /bad safetensors/);
    const half = SafetensorsFile.open(join(folder, "plain", "adapter_model.safetensors"));
    const [first = ""] = half.tensors.keys();
    const data = half.readFloats(first);
    const shape = half.tensors.get(first)?.shape ?? [];
    half.close();
    const alone = join(folder, "alone.safetensors");
    await writeSafetensors(alone, { tensors: new Map([[first, { dtype: "F32", shape, data }]]) });
    expectFailure(await variant("half", {}, readFileSync(alone)), 3, /has no other half/);
    data[0] = Number.NaN;
    const nan = readGgufAdapter(adapter);
    const pairs = new Map(
      [...nan.pairs].map(([name, pair], i) => [
        name,
        i === 0 ? { ...pair, a: data.slice(0, pair.a.length) } : pair,
      ]),
    );
    const path = join(folder, "nan-adapter.gguf");
    await writeGgufAdapter(path, { ...nan, pairs });
    expectFailure(await w4s("import", path, "--base", base, "--out", "nan-out.gguf"), 3, /NaN or infinity/);
  });
});

describe("found workflows", () => {
  it("become files that need no w4s, a configuration of promptfoo, and a card", async () => {
    cpSync(join(ROOT, "tests/fixtures/runs-0.1/optimize"), join(folder, "runs", "found"), {
      recursive: true,
    });
    const text = (name: string) => readFileSync(join(folder, name), "utf8");
    const ts = await w4s("export", "found", "--to", "ts", "--out", "found.ts", "--json");
    expect(`${ts.code} ${ts.stderr}`).toMatch(/^0 note: the run's executor \(simulated\) is no server/);
    expect(JSON.parse(ts.stdout)).toMatchObject({ path: "found.ts", paths: ["found.ts"] });
    expect(text("found.ts")).toContain("export async function answer(task: Task, options: Options = {})");
    const python = await w4s("export", "latest", "--to", "python", "--out", "found.py");
    expect([python.code, python.stdout]).toEqual([0, "found.py\n"]);
    expect(text("found.py")).toMatch(/^async def answer\(task, /m);

    const tests = await w4s("export", "runs/found", "--to", "promptfoo", "--out", "promptfooconfig.yaml");
    expect([tests.code, tests.stdout]).toEqual([0, "promptfooconfig.yaml\npromptfooconfig.workflow.mjs\n"]);
    const config = parse(text("promptfooconfig.yaml"));
    expect(config.providers[0].id).toBe("file://promptfooconfig.workflow.mjs");
    expect(config.tests.length).toBeGreaterThan(10);
    expect(text("promptfooconfig.workflow.mjs")).toContain("async callApi(prompt, context)");
    for (const { vars, assert } of config.tests) {
      expect(Object.keys(vars).sort()).toEqual(["question"]);
      const judge = new Function("output", assert[0].value) as (output: string) => boolean;
      const [right] = /\[(-?[\d.]+)/.exec(assert[0].value)!.slice(1) as [string];
      expect([judge(right), judge(String(Number(right) + 1))]).toEqual([true, false]);
    }

    expect((await w4s("export", "runs/found", "--to", "card", "--out", "card.md")).code).toBe(0);
    const summary = JSON.parse(text("runs/found/summary.json"));
    const { accuracy, n } = summary.validation.find(
      (row: { workflowHash: string }) => row.workflowHash === summary.best.hash,
    );
    expect(text("card.md")).toMatch(
      new RegExp(`\\| validation \\| ${accuracy.toFixed(3)} \\| .* – .* \\| ${n} \\|`),
    );
    expect(text("card.md")).toContain(summary.best.hash);
  });

  it("are refused with what to do instead", async () => {
    const written = (name: string, source: string) => writeFileSync(join(folder, name), source);
    written("plain.js", "export default (agent, task) => task.question;\n");
    written("class.js", "export default (agent, task) => {\n  class A {}\n  return 1;\n};\n");
    written("dice.js", "export default () => Math.random();\n");
    written("shown.js", "export default async (agent) => fewShot(await agent.examples(3));\n");
    written("torn.js", "export default (\n");
    const cases: [code: number, message: RegExp, ...args: string[]][] = [
      [2, /--to ts writes \.ts, \.mts, \.js, \.mjs.*workflow\.mjs/, "plain.js", "ts", "--out", "plain.txt"],
      [2, /writes \.py/, "plain.js", "python", "--out", "plain"],
      [2, /exists already.*--force/, "plain.js", "card", "--out", "chat.jsonl.md"],
      [2, /--base does nothing with --to ts/, "plain.js", "ts", "--out", "o.mjs", "--base", base],
      [2, /--redact does nothing/, "plain.js", "card", "--out", "o.md", "--redact", "keys"],
      [2, /lies in none.*name a run/, "plain.js", "promptfoo", "--out", "o.yaml"],
      [2, /asks for examples.*best-workflow\.json/, "shown.js", "ts", "--out", "o.mjs"],
      [3, /line 2: a class declaration \(to Python\)/, "class.js", "python", "--out", "o.py"],
      [3, /line 1: Math\.random.*seed/, "dice.js", "ts", "--out", "o.mjs"],
      [3, /cannot be parsed \(line 2\)/, "torn.js", "ts", "--out", "o.mjs"],
      [3, /cannot read the workflow/, "none.js", "ts", "--out", "o.mjs"],
      [3, /is no workflow file.*name a run/, "base.gguf", "ts", "--out", "o.mjs"],
      [3, /there is no run nowhere/, "nowhere", "card", "--out", "o.md"],
      [3, /holds no best-workflow\.js/, "out", "card", "--out", "o.md"],
    ];
    written("chat.jsonl.md", "");
    for (const [code, message, source, to, ...rest] of cases)
      expectFailure(await w4s("export", source!, "--to", to!, ...rest), code, message);
    expect(readdirSync(folder).filter((name) => /^o\./.test(name))).toEqual([]);
    expect((await w4s("export", "class.js", "--to", "ts", "--out", "class.mjs")).code).toBe(0);
  });
});

describe("trajectories", () => {
  it("become rows for other trainers", async () => {
    const collected = await w4s(
      ...["collect", "--task", "word-problems", "--model", base, "--executor", "simulated", "--weak", "none"],
      ...["--episodes", "1", "--turns", "1", "--candidates", "3", "--max-repairs", "0", "--screen", "1"],
      ...["--validation-limit", "3", "--threads", "1", "--gpu", "off", "--run", join(folder, "run")],
    );
    expect(`${collected.code} ${collected.stderr}`).toMatch(/^0 /);
    const rowsOf = (name: string) =>
      readFileSync(join(folder, name), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect((await w4s("export", "run", "--to", "messages", "--out", "rows.jsonl")).code).toBe(0);
    const rows = rowsOf("rows.jsonl");
    expect(rows).toHaveLength(3);
    for (const { messages, weight, reward, task } of rows) {
      expect(messages.at(-1).role).toBe("assistant");
      expect(weight).toBeCloseTo(Math.exp(reward / 0.4), 10);
      expect(task).toBe("word-problems");
    }
    expect(
      (await w4s("export", "run", "--to", "resampled", "--seed", "3", "--out", "resampled.jsonl")).code,
    ).toBe(0);
    expect(rowsOf("resampled.jsonl")).toHaveLength(3);
    expect((await w4s("export", "run", "--to", "kto", "--out", "kto.jsonl")).code).toBe(0);
    expect(rowsOf("kto.jsonl").every(({ label }) => typeof label === "boolean")).toBe(true);
    // The rows train too: what is exported can be read back as chat lines, and the run itself.
    const chat = await w4s(
      "train",
      "--model",
      base,
      "--chat",
      "rows.jsonl",
      "--out",
      "t1",
      "--epochs",
      "1",
      "--rank",
      "2",
    );
    expect(`${chat.code} ${chat.stderr}`).toMatch(/^0 /);
    const run = await w4s(
      "train",
      "--model",
      base,
      "--from",
      "run",
      "--out",
      "t2",
      "--epochs",
      "1",
      "--rank",
      "2",
    );
    expect(`${run.code} ${run.stderr}`).toMatch(/^0 /);
    expectFailure(await w4s("export", "run", "--to", "messages", "--out", "rows.jsonl"), 2, /exists already/);
    const cold = ["export", "run", "--to", "messages", "--reward-temperature", "0", "--out", "cold.jsonl"];
    expectFailure(await w4s(...cold), 2, /reward temperature is 0/);
    const astray = await w4s("export", "run", "--to", "messages", "--out", join(base, "rows.jsonl"));
    expectFailure(astray, 6, /cannot write/);
    const mistaken = await w4s("export", adapter, "--to", "messages", "--out", "mistaken.jsonl");
    expectFailure(mistaken, 3, /is no trajectory; adapters are exported with --to gguf, peft or merged/);
    expectFailure(
      await w4s("export", "nowhere", "--to", "kto", "--out", "k.jsonl"),
      3,
      /no trajectories in nowhere/,
    );
    const other = makeTinyGguf(join(folder, "other-vocab.gguf"), { vocab: 300 });
    expectFailure(
      await w4s("train", "--model", other, "--from", "run", "--out", "t3"),
      3,
      /another tokenizer/,
    );
  });
});
