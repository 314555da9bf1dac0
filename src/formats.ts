/** @file `w4s/formats`: GGUF, safetensors and adapter files. Re-exports only; described in docs/library.md. */

export type { GgufHeader } from "./formats/gguf/gguf-contents.js";
export { GgufFile } from "./formats/gguf/gguf-file.js";
export { gguf, type TensorToStream, writeGguf } from "./formats/gguf/gguf-writer.js";
export { readGgufHeader } from "./formats/gguf/read-gguf-header.js";
export { SafetensorsFile } from "./formats/safetensors/safetensors-file.js";
export { writeSafetensors } from "./formats/safetensors/write-safetensors.js";
export { adapterHash } from "./lora/adapter-hash.js";
export { importAdapter } from "./lora/export-adapter.js";
export { readGgufAdapter, writeGgufAdapter } from "./lora/gguf-adapter.js";
export type { LoraAdapter } from "./lora/lora-adapter.js";
