/** @file Gradients of every weight of a small model against finite differences and against our own forward pass. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FullGradients, type TreeBatch } from "../../../scripts/nano/full-gradients.mjs";
import { Random } from "../../../src/core/random.js";
import { GgufFile } from "../../../src/formats/gguf/gguf-file.js";
import { makeTinyGguf } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { ReferenceBackend } from "../../../src/graph/reference-backend.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const SEED = 7;
const LENGTH = 8;
const STEP = 2e-3;
/** Buffers between layers are float32: a loss of about 8 is known to 1e-6, a difference over 4e-3 to 5e-4. */
const ABSOLUTE_ERROR = 2e-3;
const RELATIVE_ERROR = 0.02;
/** Sums of some hundred float32 products in another order. */
const ROUNDING = 1e-4;

const newFolder = useTemporaryFolder();
let file: GgufFile;
let engine: FullGradients;
let parameters: Map<string, Float32Array>;
let batch: TreeBatch;

function zeros(): Map<string, Float32Array> {
  return new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
}

beforeAll(() => {
  const path = makeTinyGguf(`${newFolder()}/tied.gguf`, {
    seed: SEED,
    vocab: 260,
    blocks: 2,
    width: 32,
    isTied: true,
    hasRandomNorms: true,
  });
  file = GgufFile.open(path);
  engine = new FullGradients({ model: readModel(file.header), backend: new ReferenceBackend(), headStep: 4 });
  // Smaller than the file's: with logits of 50 the softmax is 0 or 1 and nothing can be seen.
  parameters = new Map(
    [...file.tensors.keys()].map((name) => [
      name,
      file.readFloats(name).map((value) => (name === "token_embd.weight" ? value * 0.3 : value)),
    ]),
  );
  const random = new Random(SEED);
  const tokens = Int32Array.from({ length: 2 * LENGTH }, () => random.integer(3, 12));
  // Row 0: a prompt of 3 and replies of 2 and 3. Row 1: a prompt of 4, one reply of 2, two tokens of padding.
  const targets = [
    [1, 0],
    [3, 2],
    [4, 3],
    [5, 2],
    [6, 5],
    [7, 6],
    [12, 11],
    [13, 12],
  ].map(([place, source], index) => ({ place: place!, source: source!, weight: 0.1 + 0.05 * index }));
  batch = {
    rows: [
      [3, 2, 3],
      [4, 2],
    ],
    length: LENGTH,
    tokens,
    targets,
  };
});
afterAll(async () => {
  await engine.close();
  file.close();
});

describe("FullGradients", () => {
  test("every tensor's gradient is what finite differences give", async () => {
    const gradients = zeros();
    await engine.run(batch, parameters, gradients);
    const scratch = zeros();
    for (const [name, gradient] of gradients) {
      const largest = gradient.reduce(
        (best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best),
        0,
      );
      for (const at of [largest, (largest + 11) % gradient.length]) {
        const values = parameters.get(name)!;
        const before = values[at]!;
        values[at] = before + STEP;
        const above = await engine.run(batch, parameters, scratch);
        values[at] = before - STEP;
        const below = await engine.run(batch, parameters, scratch);
        values[at] = before;
        const slope = (above - below) / (2 * STEP);
        const bound = ABSOLUTE_ERROR + RELATIVE_ERROR * Math.abs(slope);
        expect(
          Math.abs(gradient[at]! - slope),
          `${name}[${at}]: ${gradient[at]} against ${slope}`,
        ).toBeLessThan(bound);
      }
      expect(Math.abs(gradient[largest]!), name).toBeGreaterThan(2 * ABSOLUTE_ERROR);
    }
  });

  test("padding changes nothing", async () => {
    const gradients = zeros();
    const loss = await engine.run(batch, parameters, gradients);
    const tokens = batch.tokens.slice();
    tokens[14] = 200;
    tokens[15] = 201;
    const others = zeros();
    expect(await engine.run({ ...batch, tokens }, parameters, others)).toBe(loss);
    for (const [name, gradient] of gradients) expect(others.get(name), name).toEqual(gradient);
  });

  test("replies do not see each other: a row of two is two rows of one", async () => {
    const gradients = zeros();
    const loss = await engine.run(batch, parameters, gradients);
    const { tokens, targets } = batch;
    const [first, second] = [tokens.slice(0, LENGTH), tokens.slice(LENGTH)];
    // The second reply of row 0 alone behind the prompt, in a third row.
    const alone = Int32Array.from([...first.slice(0, 3), ...first.slice(5, 8), 0, 0]);
    const moved = targets.map((target) =>
      target.place < 5 || target.place >= LENGTH
        ? target
        : {
            ...target,
            place: 2 * LENGTH + target.place - 2,
            source: 2 * LENGTH + (target.source === 2 ? 2 : target.source - 2),
          },
    );
    const apart = zeros();
    const split = {
      rows: [
        [3, 2],
        [4, 2],
        [3, 3],
      ],
      length: LENGTH,
      tokens: Int32Array.from([...first.slice(0, 5), 0, 0, 0, ...second, ...alone]),
      targets: moved,
    };
    expect(await engine.run(split, parameters, apart)).toBeCloseTo(loss, 5);
    for (const [name, gradient] of gradients)
      for (const [at, value] of gradient.entries())
        expect(Math.abs(apart.get(name)![at]! - value), `${name}[${at}]`).toBeLessThan(ROUNDING);
  });

  test("refuses models whose head is a matrix of its own", () => {
    const path = makeTinyGguf(`${newFolder()}/untied.gguf`, { vocab: 260, blocks: 1, width: 32 });
    const untied = GgufFile.open(path);
    const make = () =>
      new FullGradients({ model: readModel(untied.header), backend: new ReferenceBackend() });
    expect(make).toThrow(/tied head/);
    untied.close();
  });
});
