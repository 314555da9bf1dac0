/** @file GGUF files written here, read by node-llama-cpp's own parser: same keys, types, shapes and places. */
import { join } from "node:path";
import { readGgufFileInfo } from "node-llama-cpp";
import { expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { GgufFile } from "../../src/formats/gguf/gguf-file.js";
import { TENSOR_TYPES, ValueType } from "../../src/formats/gguf/gguf-types.js";
import { gguf, type TensorToStream, writeGguf } from "../../src/formats/gguf/gguf-writer.js";
import { splitTinyGguf } from "../support/split-gguf.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder()();
const random = new Random(11);
const numbers = (count: number) => Float32Array.from({ length: count }, () => random.next() - 0.5);

test("a file with every tensor type and value type", async () => {
  const path = join(folder, "all.gguf");
  const made: TensorToStream[] = (["F32", "F16", "BF16", "Q8_0"] as const).map((typeName, i) => {
    return { name: `made.${i}`, shape: [3, 64 * (i + 1)], typeName, data: () => numbers(3 * 64 * (i + 1)) };
  });
  const stored: TensorToStream[] = [...TENSOR_TYPES.values()].map(({ name, blockSize, blockBytes }) => {
    return {
      name: `stored.${name}`,
      shape: [2, blockSize],
      typeName: name,
      data: () => new Uint8Array(2 * blockBytes),
    };
  });
  const metadata = new Map([
    ["general.architecture", gguf.string("llama")],
    ["general.type", gguf.string("imatrix")],
    ["general.alignment", gguf.uint32(64)],
    ["general.name", gguf.string("Ümläut ✓")],
    ["test.float", gguf.float32(0.5)],
    ["test.bool", gguf.bool(true)],
    ["test.list", gguf.strings(["a", "", "ä"])],
    ["test.numbers", gguf.int32s([-1, 0, 2 ** 31 - 1])],
    ["test.big", { type: ValueType.UINT64, value: 2n ** 60n }],
  ] as const);
  await writeGguf(path, new Map(metadata), [...made, ...stored]);

  const ours = GgufFile.open(path);
  const theirs = await readGgufFileInfo(path, { logWarnings: false });
  expect(theirs.version).toBe(3);
  expect(theirs.metadata).toMatchObject({
    general: { architecture: "llama", alignment: 64, name: "Ümläut ✓" },
    test: { float: 0.5, bool: true, list: ["a", "", "ä"], numbers: [-1, 0, 2 ** 31 - 1] },
  });
  const found = (theirs.fullTensorInfo ?? []).map(({ name, dimensions, ggmlType, fileOffset }) => {
    return [name, dimensions.map(Number), ggmlType as number, Number(fileOffset)];
  });
  const expected = [...ours.tensors.values()].map(({ name, shape, type, fileOffset }) => {
    return [name, shape.toReversed(), type.id, fileOffset];
  });
  expect(found).toEqual(expected);
  expect(found).toHaveLength(made.length + TENSOR_TYPES.size);
  ours.close();
});

test("a split model: the same tensors in the same parts", async () => {
  const { parts } = splitTinyGguf(folder, { vocab: 260, blocks: 2, width: 32 });
  const ours = GgufFile.open(parts[0]);
  const theirs = await readGgufFileInfo(parts[0], { logWarnings: false });
  const found = (theirs.fullTensorInfo ?? []).map(({ name, filePart, fileOffset }) => {
    return [name, filePart - 1, Number(fileOffset)];
  });
  expect(found).toEqual(
    [...ours.tensors.values()].map(({ name, part, fileOffset }) => [name, part, fileOffset]),
  );
  expect(found.some(([, part]) => part === 1)).toBe(true);
  ours.close();
});
