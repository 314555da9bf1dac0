/** @file What `w4s init` asks, proposes and accepts, and what it makes of the answers. */
import { describe, expect, it } from "vitest";
import { type AskContext, askSettings } from "../../../src/cli/ask-settings.js";

const SERVER = "openai:http://127.0.0.1:1/v1";

/** Answers by the first word of the question, in their order; what is asked and told is kept. */
function person(answers: Record<string, string | string[]>, context: Partial<AskContext> = {}) {
  const asked: string[] = [];
  const told: string[] = [];
  const ask = async (prompt: string) => {
    const [word = ""] = prompt.split(" ");
    asked.push(word);
    const before = asked.filter((one) => one === word).length - 1;
    return [answers[word] ?? ""].flat()[before] ?? "";
  };
  const whole: AskContext = {
    suggest: (path) =>
      ({ task: "word-problems", model: "nano", executor: "simulated", apiKeyEnv: "KEY" })[path],
    check: () => undefined,
    isPriceOpen: () => false,
    tell: (text) => told.push(text),
    ...context,
  };
  return { asked, told, settings: (given = new Map<string, unknown>()) => askSettings(given, ask, whole) };
}

describe("askSettings", () => {
  it("asks nothing about servers and money where none is named", async () => {
    const { asked, settings } = person({ Dataset: "  counting " });
    expect(await settings()).toEqual({ task: "counting", model: "nano", executor: "simulated" });
    expect(asked).toEqual(["Dataset", "Weak", "Strong"]);
  });

  it("asks for model, key and budget of a server; an empty budget is none", async () => {
    const { asked, settings } = person({ Strong: SERVER, Model: "big", Most: "2.5" });
    expect(await settings(new Map([["task", "gsm8k"]]))).toEqual({
      task: "gsm8k",
      model: "nano",
      executor: SERVER,
      executorModel: "big",
      apiKeyEnv: "KEY",
      budget: { dollars: 2.5 },
    });
    expect(asked).toEqual(["Weak", "Strong", "Model", "Environment", "Most"]);
    expect(await person({ Strong: SERVER }).settings()).not.toHaveProperty("budget");
  });

  it("asks for an unknown price, and for a limit in dollars only where there is one", async () => {
    const isPriceOpen = () => true;
    const priced = person({ Strong: SERVER, Its: "1", and: "2", Most: "3" }, { isPriceOpen });
    expect(await priced.settings()).toMatchObject({
      price: { inputPerMillion: 1, outputPerMillion: 2 },
      budget: { dollars: 3 },
    });
    const unpriced = person({ Strong: SERVER }, { isPriceOpen });
    await unpriced.settings();
    expect(unpriced.asked).not.toContain("Most");
  });

  it("takes a bare address for a server, and asks again after a bad answer, with the reason", async () => {
    const { asked, told, settings } = person(
      { Dataset: ["none", "nothing", "counting"], Strong: "http://127.0.0.1:1/v1" },
      { check: (path, value) => (path === "task" && value !== "counting" ? `no ${value}` : undefined) },
    );
    expect(await settings()).toMatchObject({ task: "counting", executor: SERVER });
    expect(told).toEqual(["no none", "no nothing"]);
    expect(asked.filter((word) => word === "Dataset")).toHaveLength(3);
  });

  it("leaves a wrong number as it stands after some tries, for the configuration to refuse by name", async () => {
    const { asked, settings } = person(
      { Most: Array(9).fill("much") },
      { check: (path) => (path === "budget.dollars" ? "a number" : undefined) },
    );
    expect(await settings(new Map([["executor", SERVER]]))).toMatchObject({ budget: { dollars: "much" } });
    expect(asked.filter((word) => word === "Most")).toHaveLength(5);
  });
});
