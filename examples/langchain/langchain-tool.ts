/** @file A tool of LangChain.js as an own tool of workflows: `agent.tool(name, input)` calls it. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import type { Tool } from "w4s/tasks";

/** @param tool - made by `tool()` with a schema of zod 4, which checks the inputs of workflows too */
export function ownTool(tool: StructuredToolInterface): Tool {
  return {
    name: tool.name,
    description: tool.description,
    input: tool.schema as Tool["input"],
    run: (input, { signal }) => tool.invoke(input as never, { signal }),
  };
}
