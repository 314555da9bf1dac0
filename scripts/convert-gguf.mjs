/**
 * @file A model file with the same weights in another type. F32 shows what a quantised file means, without a kernel that
 * rounds activations (about 8 times as large). Q8_0 for the matrices in Q5_0, which no fast kernel of llama.cpp reads,
 * makes such a model quicker where the processor has AMX; their numbers change by less than their own rounding.
 * Usage: node scripts/convert-gguf.mjs MODEL.gguf OUT.gguf [F32|Q8_0 [ONLY-TYPE]]
 */
import { GgufFile } from "../dist/formats/gguf/gguf-file.js";
import { writeGguf } from "../dist/formats/gguf/gguf-writer.js";
import { metadataFor } from "../dist/formats/gguf/weight-type.js";
import "./plain-errors.mjs";

const [input, output, type = "F32", only] = process.argv.slice(2);
if (input === undefined || output === undefined || !["F32", "Q8_0"].includes(type)) {
  process.stderr.write("usage: node scripts/convert-gguf.mjs MODEL.gguf OUT.gguf [F32|Q8_0 [ONLY-TYPE]]\n");
  process.exit(2);
}
const file = GgufFile.open(input);

const tensors = [...file.tensors.values()].map(({ name, shape, rowLength, typeName }) =>
  (only === undefined || typeName === only) && (type === "F32" || (shape.length > 1 && rowLength % 32 === 0))
    ? { name, shape, typeName: type, data: () => file.readFloats(name) }
    : { name, shape, typeName, data: () => file.readBytes(name) },
);
await writeGguf(output, metadataFor(file.header, type), tensors);
file.close();
