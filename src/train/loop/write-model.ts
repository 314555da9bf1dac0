/** @file A trained model as a GGUF file: the source's metadata with new numbers. */
import { InputError } from "../../core/errors.js";
import { GgufFile } from "../../formats/gguf/gguf-file.js";
import { gguf, type TensorToStream, writeGguf } from "../../formats/gguf/gguf-writer.js";

/** Type of the matrices; vectors are always F32. Rows that are no multiple of 32 become F16 instead of Q8_0. */
export type WrittenType = "F32" | "F16" | "Q8_0";

/** `general.file_type` for a file whose largest part has this type. */
const FILE_TYPES: Readonly<Record<WrittenType, number>> = { F32: 0, F16: 1, Q8_0: 7 };
const Q8_0_BLOCK = 32;
/** Larger sizes turn into infinity: of F16 its largest number, of Q8_0 127 times that. */
const LARGEST: Readonly<Record<WrittenType, number>> = { F32: 3.4e38, F16: 65_504, Q8_0: 127 * 65_504 };

/**
 * Writes the model of `sourcePath` with these numbers; tensors that are not among them keep their bytes. The file
 * appears under its name when it is complete. Equal inputs give equal bytes.
 * @param parameters by tensor name, row-major; as trainModel() gives them
 * @throws {InputError} on a name or a size the source does not have, and on numbers the type cannot hold
 * @throws {StorageError}
 */
export async function writeModel(
  sourcePath: string,
  parameters: ReadonlyMap<string, Float32Array>,
  outPath: string,
  type: WrittenType = "F32",
): Promise<void> {
  const source = GgufFile.open(sourcePath);
  try {
    for (const [name, values] of parameters) checkSize(source, name, values);
    const metadata = new Map(source.header.metadata);
    for (const key of ["split.no", "split.count", "split.tensors.count"]) metadata.delete(key);
    metadata.set("general.file_type", gguf.uint32(FILE_TYPES[type]));
    const tensors = [...source.tensors.values()].map(
      ({ name, shape, rowLength, typeName }): TensorToStream => {
        const values = parameters.get(name);
        if (values === undefined) return { name, shape, typeName, data: () => source.readBytes(name) };
        const own = shape.length < 2 ? "F32" : type === "Q8_0" && rowLength % Q8_0_BLOCK !== 0 ? "F16" : type;
        return { name, shape, typeName: own, data: () => checkNumbers(name, values, own) };
      },
    );
    await writeGguf(outPath, metadata, tensors);
  } finally {
    source.close();
  }
}

function checkSize(source: GgufFile, name: string, { length }: Float32Array): void {
  const count = source.tensors.get(name)?.elementCount;
  if (count === length) return;
  const expected = count === undefined ? "has no such tensor" : `has ${count} there`;
  throw new InputError(`${name} has ${length} numbers, ${source.header.file} ${expected}`, {
    hint: "name the file that the training started from",
  });
}

function checkNumbers(name: string, values: Float32Array, type: WrittenType): Float32Array {
  const bad = values.find((value) => !(Math.abs(value) <= LARGEST[type]));
  if (bad === undefined) return values;
  throw new InputError(`tensor ${name} has the value ${bad}, which ${type} cannot hold`, {
    hint: Number.isFinite(bad) ? "write F32 instead" : "train with a lower learning rate",
  });
}
