/** @file For tests of code that uses w4s: scripted and recorded models, a tiny random GGUF. */
export { makeTinyGguf } from "./formats/gguf/make-tiny-gguf.js";
export { MockChatModel } from "./llm/mock-chat-model.js";
export { ReplayChatModel } from "./llm/replay-chat-model.js";
