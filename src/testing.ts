/** @file `w4s/testing`: stand-ins for models, and a tiny random GGUF. Re-exports only; described in docs/library.md. */

export { openReplay } from "./evaluate/build-executor.js";
export { makeTinyGguf } from "./formats/gguf/make-tiny-gguf.js";
export { MockChatModel } from "./llm/mock-chat-model.js";
export { SimulatedChatModel } from "./llm/simulated/simulated-chat-model.js";
export { simulatedItems } from "./tasks/simulated-items.js";
