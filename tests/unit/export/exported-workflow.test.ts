import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openWorkflow } from "../../../src/export/exported-workflow.js";
import { pythonFile } from "../../../src/export/python-export.js";
import { typescriptFile } from "../../../src/export/typescript-export.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

/** A run of a workflow, with the files that an export reads. */
function run(source: string, config: object, habits: object = {}): string {
  const folder = newFolder();
  writeFileSync(join(folder, "run.json"), "{}");
  writeFileSync(join(folder, "config.resolved.json"), JSON.stringify(config));
  writeFileSync(join(folder, "endpoints.json"), JSON.stringify(habits));
  const path = join(folder, "best-workflow.js");
  writeFileSync(path, source);
  return path;
}

const ASK = "export default async (agent, task) => (await agent.text(task.question))[0];";

describe("openWorkflow", () => {
  it("takes over models, keys by the names of their variables, and what servers were found not to take", () => {
    const url = "https://models.example/v1/";
    const path = run(
      ASK,
      {
        ...{ executor: "big", maxTokens: 900, apiKeyEnv: "MAIN_KEY", limits: { modelCalls: 7 } },
        executors: {
          big: {
            url,
            model: "m",
            apiKeyEnv: "BIG_KEY",
            params: { top_p: 0.5, headers: { "x-key": "s3cret" } },
          },
        },
      },
      { "openai:https://models.example/v1?params=6fb1dd2ee6a5#m": [] },
    );
    const workflow = openWorkflow(path);
    const big = { model: "m", baseURL: "https://models.example/v1", key: "BIG_KEY", params: { top_p: 0.5 } };
    expect(workflow.models).toMatchObject({ big, default: big });
    expect(workflow.settings).toMatchObject({ maxTokens: 900, modelCalls: 7, toolCalls: 20 });
    expect(workflow.warnings.join()).toContain("headers of models.example are not exported");
    for (const text of [typescriptFile(workflow, "x.mjs"), pythonFile(workflow, "x.py")]) {
      expect(text).not.toContain("s3cret");
      expect(text).toContain("BIG_KEY");
    }
  });

  it("knows the habits of an endpoint", () => {
    const config = { executor: "openai:http://127.0.0.1:1/v1", executorModel: "m", sendSeed: false };
    const habits = { "openai:http://127.0.0.1:1/v1#m": ["max_completion_tokens", "temperature=0", "system"] };
    const { models, warnings } = openWorkflow(run(ASK, config, habits));
    expect(models.default).toMatchObject({ omit: ["seed", "temperature=0"], limit: "max_completion_tokens" });
    expect(warnings).toEqual(["not exported of what http://127.0.0.1:1/v1 was found to want: system"]);
  });

  it("writes the calls that are made and no others", () => {
    const plain = openWorkflow(run(ASK, {}));
    const parts = ["runProgram", "nearestFirst", "parseKeys", "WEAK_BASE_URL and WEAK_MODEL:", "jsonrepair"];
    const text = typescriptFile(plain, "x.mjs");
    for (const part of parts) expect(text).not.toContain(part);
    expect(text).not.toMatch(/__[A-Z]+__|\/\/#|\/\/ts/);
    expect(pythonFile(plain, "x.py")).not.toMatch(/__[A-Z]+__|^\s*#:|_run_program|_parse_keys/m);
    // Where the agent is handed on, what the text speaks of may be called.
    const handed =
      "const solve = (one) => one.runPython('1');\nexport default (agent, task) => solve(agent);";
    expect([...openWorkflow(run(handed, {})).features]).toContain("programs");
  });
});
