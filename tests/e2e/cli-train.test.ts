/** @file `w4s train` as a process: kills between and within updates and checkpoints, wrong input, damaged checkpoints. */
import type { ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../src/core/random.js";
import { gguf } from "../../src/formats/gguf/gguf-writer.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { KILLS_A_PART } from "../support/kill-moments.js";
import { type CliOptions, runCli as runProcess } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
/** Half of them at updates, half at checkpoints. */
const KILLS = 2 * KILLS_A_PART;
/** A session is killed at one of its first so many updates, or signs of a checkpoint: 32 updates take some sessions. */
const LATEST_SIGN = 6;

/** Most commands need no process of their own; those that are killed or limited do. */
const runInHost = useCliHost();
const runCli = (words: readonly string[], options: CliOptions = {}) =>
  options.onStart || options.fileLimitKiB ? runProcess(words, options) : runInHost(words, options);

const newFolder = useTemporaryFolder();
let folder: string;
let model: string;
let chat: string;

const answers = [
  "The answer is blue.",
  "It should be a red workflow.",
  "Ask again.",
  "Think first, then answer.",
];
const row = (i: number, more: object = {}) => ({
  messages: [
    { role: "user", content: `Question ${i % 3} about the workflow?` },
    { role: "assistant", content: answers[i % answers.length] },
  ],
  reward: (i % 5) / 4,
  task: `group ${i % 3}`,
  ...more,
});
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const lines = (rows: readonly object[]) => rows.map((value) => `${JSON.stringify(value)}\n`).join("");

beforeAll(() => {
  folder = newFolder();
  model = makeTinyGguf(join(folder, "tiny.gguf"), { hasRandomNorms: true });
  chat = file("chat.jsonl", lines(Array.from({ length: 12 }, (_, i) => row(i))));
});

const train = (out: string, more: readonly string[] = [], options: CliOptions = {}) =>
  runCli(
    [
      "train",
      "--model",
      model,
      "--chat",
      chat,
      "--out",
      join(folder, out),
      "--threads",
      "1",
      "--rank",
      "4",
      ...more,
    ],
    { cwd: folder, ...options },
  );
const LONG = ["--epochs", "8", "--batch-size", "3", "--checkpoint-every", "2", "--learning-rate", "0.003"];
const adapterOf = (out: string): string => {
  const names = readdirSync(join(folder, out)).filter((name) => name.endsWith(".gguf"));
  expect(names).toHaveLength(1);
  return join(folder, out, names[0] as string);
};

/** Kills the process at the n-th update that it tells of. */
function killAtUpdate(child: ChildProcess, count: number): void {
  let seen = 0;
  child.stderr?.on("data", (chunk: Buffer) => {
    seen += chunk.toString().match(/^update /gm)?.length ?? 0;
    if (seen >= count) child.kill("SIGKILL");
  });
}

/** Kills the process at the n-th change in the folder of checkpoints: begun, written, renamed, an old one removed. */
function killAtCheckpoint(child: ChildProcess, folder: string, count: number): void {
  let seen = 0;
  mkdirSync(folder, { recursive: true });
  const watcher = watch(folder, () => {
    if (++seen >= count) child.kill("SIGKILL");
  });
  child.once("exit", () => watcher.close());
}

describe("interrupted", () => {
  it(`ends with the bytes of the undisturbed run after ${KILLS} kills (seed ${SEED})`, async () => {
    expect((await train("undisturbed", LONG)).code).toBe(0);
    const wanted = adapterOf("undisturbed");
    const random = new Random(SEED);
    const killed = join(folder, "killed");
    for (let kills = 0; kills < KILLS; ) {
      // A checkpoint is there when the first of them comes.
      const sign = random.integer(kills === 0 ? 3 : 1, LATEST_SIGN);
      const result = await train("killed", LONG, {
        onStart: (child) => {
          if (kills % 2 === 0) killAtUpdate(child, sign);
          else killAtCheckpoint(child, join(killed, "checkpoints"), sign);
        },
      });
      if (result.signal === "SIGKILL") kills++;
      else {
        expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
        expect(readFileSync(adapterOf("killed")).equals(readFileSync(wanted))).toBe(true);
        // Begin anew, so that every kill hits a run that still works.
        rmSync(killed, { recursive: true });
      }
    }
    const last = await train("killed", LONG);
    expect(`${last.code} ${last.stderr}`).toMatch(/^0 /);
    expect(Number(/update (\d+)\//.exec(last.stderr)?.[1])).toBeGreaterThan(1);
    expect(basename(adapterOf("killed"))).toBe(basename(wanted));
    expect(readFileSync(adapterOf("killed")).equals(readFileSync(wanted))).toBe(true);
  });

  it("one signal ends it in order, with what is done kept", async () => {
    const out = "interrupted";
    const result = await train(out, [...LONG, "--epochs", "400", "--checkpoint-every", "1000"], {
      onStart: (child) => {
        let isSent = false;
        child.stderr?.on("data", (chunk: Buffer) => {
          if (isSent || !/update [3-9]\//.test(chunk.toString())) return;
          isSent = true;
          child.kill("SIGINT");
        });
      },
    });
    expect(result.code).toBe(130);
    const kept = readdirSync(join(folder, out, "checkpoints"));
    expect(kept).toHaveLength(1);
    expect(Number(/(\d+)\.safetensors/.exec(kept[0] as string)?.[1])).toBeGreaterThan(2);
  });
});

describe("checkpoints", () => {
  it("a damaged one is passed over with a warning; a changed setting or model is refused", async () => {
    const short = ["--epochs", "2", "--batch-size", "3", "--checkpoint-every", "3"];
    const done = await train("damaged", short);
    expect(done.code).toBe(0);
    const before = readFileSync(adapterOf("damaged"));
    const checkpoints = join(folder, "damaged", "checkpoints");
    const newest = join(checkpoints, readdirSync(checkpoints).sort().at(-1) as string);
    const bytes = readFileSync(newest);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
    writeFileSync(newest, bytes);
    const again = await train("damaged", short);
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/warning: .*was passed over.*checksum/);
    expect(readFileSync(adapterOf("damaged")).equals(before)).toBe(true);

    expectFailure(await train("damaged", [...short, "--seed", "5"]), 2, /another run: seed 0 → 5/);
    const other = makeTinyGguf(join(folder, "other.gguf"), { hasRandomNorms: true, seed: 9 });
    const mixed = await runCli(
      ["train", "--model", other, "--chat", chat, "--out", join(folder, "damaged"), "--rank", "4", ...short],
      { cwd: folder },
    );
    expectFailure(mixed, 3, /another run: model [0-9a-f]{12} → [0-9a-f]{12}/);
  });

  it("a disk that takes no more ends it in order; later it goes on to the same bytes", async () => {
    const short = ["--epochs", "3", "--batch-size", "3", "--checkpoint-every", "2"];
    expect((await train("roomy", short)).code).toBe(0);
    const full = await train("full", short, { fileLimitKiB: 8 });
    expectFailure(full, 6, /checkpoint.*(file too large|EFBIG).*free some space/i);
    expect(
      readdirSync(join(folder, "full", "checkpoints")).filter((name) => !name.endsWith(".safetensors")),
    ).toEqual([]);
    const later = await train("full", short);
    expect(later.code, later.stderr).toBe(0);
    expect(readFileSync(adapterOf("full")).equals(readFileSync(adapterOf("roomy")))).toBe(true);
  });

  it("NaN weights stop at the first update, exit 5, and nothing is exported", async () => {
    const bad = makeTinyGguf(join(folder, "nan.gguf"), { hasRandomNorms: true });
    const damaged = readFileSync(bad);
    // The last four bytes of the file are a number of the head.
    damaged.writeFloatLE(Number.NaN, damaged.length - 4);
    writeFileSync(bad, damaged);
    const out = join(folder, "nan");
    const result = await runCli(["train", "--model", bad, "--chat", chat, "--out", out, "--rank", "4"], {
      cwd: folder,
    });
    expectFailure(result, 5, /training diverged at step 0/);
    expect(readdirSync(out).filter((name) => name.endsWith(".gguf"))).toEqual([]);
  });
});

describe("wrong input", () => {
  const tryRows = (rows: string, more: readonly string[] = []) =>
    runCli(
      [
        "train",
        "--model",
        model,
        "--chat",
        file("rows.jsonl", rows),
        "--out",
        join(folder, "wrong"),
        ...more,
      ],
      {
        cwd: folder,
      },
    );

  it("names the flag, its value and its range (exit 2)", async () => {
    expectFailure(
      await runCli(["train", "--model", model, "--out", "x"]),
      2,
      /either recorded runs or a chat file/,
    );
    expectFailure(await train("w", ["--rank", "0"]), 2, /--rank: 0 must be a whole number from 1 to 1024/);
    expectFailure(await train("w", ["--targets", "attn_q,head"]), 2, /expected some of attn_q/);
    expectFailure(
      await train("w", ["--learning-rate", "0"]),
      2,
      /--learning-rate: 0 must be a number above 0/,
    );
    expectFailure(
      await train("w", ["--epochs", "two"]),
      2,
      /--epochs: "two" must be a whole number from 1 to 1000/,
    );
    expectFailure(
      await train("w", ["--hold-out", "0.9"]),
      2,
      /--hold-out: .*must be a number from 0 to 0\.5/,
    );
    const devices = /--device: "gpu" must be one of cpu, webgpu, cuda/;
    expectFailure(await train("w", ["--device", "gpu"]), 2, devices);
    expectFailure(await train("w", ["--dropout", "1"]), 2, /dropout is 1, expected 0 to below 1/);
    expectFailure(await train("w", ["--kl", "-1"]), 2, /--kl: .*must be a number from 0 to 1000/);
    expectFailure(
      await train("w", ["--label-smoothing", "2"]),
      2,
      /labelSmoothing is 2, expected 0 to below 1/,
    );
  });

  it("smoothing, dropout, divergence and stopped prompts go together, and the progress line says so", async () => {
    const more = ["--label-smoothing", "0.1", "--dropout", "0.1", "--kl", "0.2", "--stop-prompt-gradient"];
    const question = "What is a workflow, and how does it call a model? ".repeat(4);
    const long = answers.map((answer) => ({
      messages: [
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ],
      weight: 1,
      task: "long",
    }));
    const passes = ["--chat", file("long.jsonl", lines(long)), "--token-budget", "160"];
    const { code, stderr } = await train("extras", [...more, ...passes, "--epochs", "2"]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /update 2\/2, .*KL \d+\.\d{4}, .* in \d+ splits, no gradient through \d+ prompt tokens/,
    );
    adapterOf("extras");
  });

  it("names the file and the line (exit 3)", async () => {
    expectFailure(await tryRows(""), 3, /0 examples in .*rows\.jsonl/);
    expectFailure(await tryRows("{}\n"), 3, /rows\.jsonl:1: messages/);
    expectFailure(await tryRows(`${JSON.stringify(row(1))}\nnope\n`), 3, /rows\.jsonl:2: is not JSON/);
    expectFailure(
      await tryRows(lines([{ messages: [{ role: "user", content: "hi" }] }])),
      3,
      /:1: has no assistant message/,
    );
    expectFailure(
      await tryRows(lines([row(1, { weight: 0 }), row(2, { weight: 0 })])),
      3,
      /all 2 examples have weight 0/,
    );
    expectFailure(
      await tryRows(lines([row(1), row(2, { weight: -1 })])),
      3,
      /example 1 .*weight is -1, expected 0 or more/,
    );
    const long = row(1, {
      messages: [
        { role: "user", content: "why ".repeat(400) },
        { role: "assistant", content: "so" },
      ],
    });
    expectFailure(
      await tryRows(lines([long]), ["--token-budget", "64"]),
      3,
      /example 0 .*tokens up to its last target, 64 fit/,
    );
    expectFailure(
      await runCli(["train", "--model", model, "--from", join(folder, "none"), "--out", "x"]),
      3,
      /no trajectories in/,
    );
    expectFailure(await train("w", ["--continue", model]), 3, /general\.type: is model, expected adapter/);
    const yarn = makeTinyGguf(join(folder, "yarn.gguf"), {
      editMetadata: (metadata) => metadata.set("llama.rope.scaling.type", gguf.string("yarn")),
    });
    expectFailure(
      await runCli(["train", "--model", yarn, "--chat", chat, "--out", "x"]),
      3,
      /rope\.scaling\.type is yarn/,
    );
  });

  it("cuts the middle of a long prompt where that is allowed", async () => {
    const long = row(1, {
      messages: [
        { role: "user", content: "why ".repeat(400) },
        { role: "assistant", content: "so" },
      ],
    });
    const result = await tryRows(lines([long]), ["--token-budget", "64", "--truncate", "--epochs", "1"]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/warning: \d+ tokens were cut from the prompt of example 0/);
  });

  it("an adapter of another family, and a folder that cannot be made", async () => {
    const qwen = makeTinyGguf(join(folder, "qwen.gguf"), { family: "qwen2", hasRandomNorms: true });
    const trained = await train("base", ["--epochs", "1"]);
    expect(trained.code).toBe(0);
    const adapter = join(folder, "copy.gguf");
    copyFileSync(adapterOf("base"), adapter);
    const other = await runCli(
      ["train", "--model", qwen, "--chat", chat, "--out", "x", "--continue", adapter],
      { cwd: folder },
    );
    expectFailure(other, 3, /is for llama, the base is qwen2/);
    const deeper = makeTinyGguf(join(folder, "deeper.gguf"), { hasRandomNorms: true, blocks: 3 });
    const wider = makeTinyGguf(join(folder, "wider.gguf"), { hasRandomNorms: true, width: 96 });
    const go = (base: string, out: string, from: string) =>
      runCli(["train", "--model", base, "--chat", chat, "--out", out, "--epochs", "1", "--continue", from], {
        cwd: folder,
      });
    expectFailure(await go(wider, "w2", adapter), 3, /the base has 2 layers of 96 × 96/);
    // A deeper base gets pairs of zeros for the layers the adapter does not have; a shallower one has no place for it.
    const grown = await go(deeper, "grown", adapter);
    expect(`${grown.code} ${grown.stderr}`).toMatch(/^0 /);
    expectFailure(await go(model, "w3", adapterOf("grown")), 3, /the base has 2 layers/);
    mkdirSync(join(folder, "blocked"), { recursive: true });
    writeFileSync(join(folder, "blocked", "file"), "");
    expectFailure(await train("blocked/file/out"), 6, /cannot make/);
    expect(existsSync(join(folder, "x"))).toBe(false);
  });
});
