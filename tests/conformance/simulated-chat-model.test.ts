/** @file The suite on the simulated model. */
import { SimulatedChatModel } from "../../src/llm/simulated/simulated-chat-model.js";
import { chatModelConformance, conformanceRequests } from "./chat-model.js";

chatModelConformance("simulated, question unknown", () => new SimulatedChatModel());

chatModelConformance("simulated, question known", () => {
  const model = new SimulatedChatModel({ seed: 4, skill: -1, model: "tiny" });
  const questions = Object.values(conformanceRequests).map(({ messages }) => messages.at(-1)!.content);
  model.register(
    questions.map((question) => ({ question, answer: "red", difficulty: 0.5, distractors: ["blue"] })),
  );
  return model;
});
