/** @file The suite on a local model: llama.cpp with a tiny random file. */
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { LocalChatModel } from "../../src/llm/local/local-chat-model.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { chatModelConformance } from "./chat-model.js";

const newFolder = useTemporaryFolder();
let model: LocalModel;
beforeAll(async () => {
  const modelPath = makeTinyGguf(join(newFolder(), "tiny.gguf"), { seed: 2 });
  model = await LocalModel.load({ modelPath, gpu: "off", threads: 1 });
});
afterAll(() => model.close());

chatModelConformance("local", () => new LocalChatModel(model));
