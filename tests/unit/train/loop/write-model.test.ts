/** @file Trained models as files: types, metadata, and what cannot be written. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { WeightType } from "../../../../src/formats/gguf/weight-type.js";
import { modelParameters } from "../../../../src/train/gradients/model-parameters.js";
import { writeModel } from "../../../../src/train/loop/write-model.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
/** Half a unit in the last place: 2^-25, 2^-12 (times 2 for rounding up), and 1/254 of a block's largest number. */
const RELATIVE_TO_LARGEST: Readonly<Record<WeightType, number>> = { F32: 0, F16: 5e-4, Q8_0: 5e-3 };

function setUp() {
  const folder = newFolder();
  const source = makeTinyGguf(join(folder, "source.gguf"), { vocab: 260, blocks: 1, width: 32 });
  const file = GgufFile.open(source);
  const parameters = modelParameters(file);
  for (const values of parameters.values())
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + 0.25;
  const { metadata } = file.header;
  file.close();
  return { source, parameters, metadata, out: join(folder, "out.gguf") };
}

describe("writeModel", () => {
  for (const type of ["F32", "F16", "Q8_0"] as const) {
    it(`writes matrices as ${type}, vectors as F32, and keeps the metadata`, async () => {
      const { source, parameters, metadata, out } = setUp();
      await writeModel(source, parameters, out, type);
      const written = GgufFile.open(out);
      expect(written.header.metadata.get("general.file_type")?.value).toBe({ F32: 0, F16: 1, Q8_0: 7 }[type]);
      for (const [key, { value }] of metadata) expect(written.header.metadata.get(key)?.value).toEqual(value);
      for (const [name, values] of parameters) {
        const { shape, typeName } = written.tensors.get(name)!;
        expect(typeName, name).toBe(shape.length > 1 ? type : "F32");
        const bound = typeName === "F32" ? 0 : RELATIVE_TO_LARGEST[type] * Math.max(...values.map(Math.abs));
        const read = written.readFloats(name);
        for (const [i, value] of values.entries())
          expect(Math.abs(read[i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(bound);
      }
      written.close();
    });
  }

  it("keeps the bytes of tensors that did not train", async () => {
    const { source, parameters, out } = setUp();
    const name = "blk.0.attn_q.weight";
    parameters.delete(name);
    await writeModel(source, parameters, out, "F16");
    const [before, after] = [GgufFile.open(source), GgufFile.open(out)];
    expect(after.tensors.get(name)?.typeName).toBe("F32");
    expect(after.readBytes(name)).toEqual(before.readBytes(name));
    before.close();
    after.close();
  });

  it("refuses strange names, other sizes and numbers that do not fit, and leaves nothing behind", async () => {
    const { source, parameters, out } = setUp();
    const unknown = new Map([["blk.9.attn_q.weight", new Float32Array(4)]]);
    await expect(writeModel(source, unknown, out)).rejects.toThrow("has no such tensor");
    const short = new Map([["output_norm.weight", new Float32Array(31)]]);
    await expect(writeModel(source, short, out)).rejects.toThrow("has 31 numbers");
    (parameters.get("token_embd.weight") as Float32Array)[7] = 70_000;
    await expect(writeModel(source, parameters, out, "F16")).rejects.toThrow("70000, which F16 cannot hold");
    (parameters.get("output_norm.weight") as Float32Array)[7] = Number.NaN;
    await expect(writeModel(source, parameters, out)).rejects.toThrow("output_norm.weight has the value NaN");
    expect(existsSync(out)).toBe(false);
  });
});
