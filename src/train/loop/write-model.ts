/** @file A trained model as a GGUF file: the source's metadata with new numbers. */
import { InputError } from "../../core/errors.js";
import { GgufFile } from "../../formats/gguf/gguf-file.js";
import { type TensorToStream, writeGguf } from "../../formats/gguf/gguf-writer.js";
import { checkNumbers, metadataFor, typeOfRows, type WeightType } from "../../formats/gguf/weight-type.js";

/**
 * Writes the model of `sourcePath` with these numbers; tensors that are not among them keep their bytes. The file
 * appears under its name when it is complete. Equal inputs give equal bytes.
 * @param parameters by tensor name, row-major; as trainModel() gives them
 * @param type of the matrices, F16 instead of Q8_0 for rows that are no multiple of 32; vectors are always F32
 * @throws {InputError} on a name or a size the source does not have, and on numbers the type cannot hold
 * @throws {StorageError}
 */
export async function writeModel(
  sourcePath: string,
  parameters: ReadonlyMap<string, Float32Array>,
  outPath: string,
  type: WeightType = "F32",
): Promise<void> {
  const source = GgufFile.open(sourcePath);
  try {
    for (const [name, values] of parameters) checkSize(source, name, values);
    const tensors = [...source.tensors.values()].map(
      ({ name, shape, rowLength, typeName }): TensorToStream => {
        const values = parameters.get(name);
        if (values === undefined) return { name, shape, typeName, data: () => source.readBytes(name) };
        const own = shape.length < 2 ? "F32" : typeOfRows(type, rowLength);
        const data = () => checkNumbers(`tensor ${name}`, values, own, "train with a lower learning rate");
        return { name, shape, typeName: own, data };
      },
    );
    await writeGguf(outPath, metadataFor(source.header, type), tensors);
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
