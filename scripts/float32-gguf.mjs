/**
 * @file A model file with the same weights in float32: what a quantised file means, without a kernel that rounds
 * activations. For comparisons only (about 8 times as large).
 * Usage: node scripts/float32-gguf.mjs MODEL.gguf OUT.gguf
 */
import { GgufFile } from "../dist/formats/gguf/gguf-file.js";
import { gguf, writeGguf } from "../dist/formats/gguf/gguf-writer.js";

const [input, output] = process.argv.slice(2);
if (input === undefined || output === undefined) {
  process.stderr.write("usage: node scripts/float32-gguf.mjs MODEL.gguf OUT.gguf\n");
  process.exit(2);
}
const file = GgufFile.open(input);
const metadata = new Map(file.header.metadata);
metadata.set("general.file_type", gguf.uint32(0));
const tensors = [...file.tensors.values()].map(({ name, shape }) => ({
  name,
  shape,
  typeName: /** @type {const} */ ("F32"),
  data: () => file.readFloats(name),
}));
await writeGguf(output, metadata, tensors);
file.close();
