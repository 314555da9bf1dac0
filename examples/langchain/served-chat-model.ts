/** @file A workflow behind `w4s serve` as a chat model of LangChain.js: only the base URL is another. */
import { ChatOpenAI } from "@langchain/openai";

/**
 * @param baseURL - what `w4s serve` printed, such as http://127.0.0.1:8484/v1
 * @param model - name under which the workflow is served
 */
export function servedChatModel(baseURL: string, model: string, apiKey = "none"): ChatOpenAI {
  return new ChatOpenAI({ model, apiKey, configuration: { baseURL } });
}
