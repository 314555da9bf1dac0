/** @file What `w4s init` asks, and what it makes of the answers. */
import { describe, expect, it } from "vitest";
import { askSettings } from "../../../src/cli/ask-settings.js";

/** Answers by the first word of the question; what is asked is kept. */
function person(answers: Record<string, string>) {
  const asked: string[] = [];
  const ask = async (prompt: string) => {
    const [word = ""] = prompt.split(" ");
    asked.push(word);
    return answers[word] ?? "";
  };
  return { asked, ask };
}

describe("askSettings", () => {
  it("asks nothing about servers and money where none is named", async () => {
    const { asked, ask } = person({ Dataset: "  counting " });
    expect(await askSettings(new Map(), ask)).toEqual({
      task: "counting",
      model: "smollm2-135m",
      executor: "simulated",
    });
    expect(asked).toEqual(["Dataset", "Weak", "Strong"]);
  });

  it("asks for model, key and budget of a server; an empty budget is none", async () => {
    const server = { Strong: "openai:http://127.0.0.1:1/v1", Model: "big" };
    const { asked, ask } = person({ ...server, Most: "2.5" });
    expect(await askSettings(new Map([["task", "gsm8k"]]), ask)).toEqual({
      task: "gsm8k",
      model: "smollm2-135m",
      executor: server.Strong,
      executorModel: "big",
      apiKeyEnv: "OPENAI_API_KEY",
      budget: { dollars: 2.5 },
    });
    expect(asked).toEqual(["Weak", "Strong", "Model", "Environment", "Most"]);
    expect(await askSettings(new Map(), person(server).ask)).not.toHaveProperty("budget");
  });

  it("leaves a wrong number as it stands, for the configuration to refuse by name", async () => {
    const given = new Map([["executor", "openai:http://127.0.0.1:1/v1"]]);
    const settings = await askSettings(given, person({ Most: "much" }).ask);
    expect(settings).toMatchObject({ budget: { dollars: "much" } });
  });
});
