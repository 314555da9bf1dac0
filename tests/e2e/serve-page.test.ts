/** @file The page of a server in a browser: it asks, shows the answer and what it took, and loads nothing else. */
import { describe, expect, it } from "vitest";
import { findChromium, HeadlessChromium, NO_CHROMIUM } from "../support/headless-chromium.js";
import { useServer } from "../support/served.js";

const start = useServer();
const chromium = findChromium();

describe.skipIf(chromium === undefined)(
  `the page to try a server${chromium ? "" : `: ${NO_CHROMIUM}`}`,
  () => {
    it("shows an answer as text, its calls and its cost, and failures", async () => {
      const hostile = "<img src=x onerror=alert(1)>";
      const { base } = await start({ price: { inputPerMillion: 1000, outputPerMillion: 0 } });
      const browser = await HeadlessChromium.start(chromium!);
      try {
        const tab = await browser.tab();
        await tab.open(base);
        const text = (id: string) => tab.evaluate<string>(`document.getElementById("${id}").textContent`);
        const ask = async (question: string) => {
          await tab.evaluate(
            `(document.getElementById("question").value = ${JSON.stringify(question)}, document.getElementById("form").requestSubmit())`,
          );
          for (;;) {
            if (!(await tab.evaluate<boolean>('document.getElementById("ask").disabled'))) return;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        };
        while ((await text("model")) === "") await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await text("model")).toBe("echo");
        await ask(hostile);
        expect(await text("answer")).toBe(`reply to: ${hostile}`);
        expect(await text("summary")).toMatch(
          /^1 × agent\.text; \d+ tokens, \$0\.01, \d+ ms; workflow [0-9a-f]{12}$/,
        );
        expect(await text("used")).toContain("executor110");
        await ask("  ");
        expect(await text("answer")).toBe("the question is empty");
        const own = new Set(["", "v1/models", "v1/chat/completions"].map((path) => `${base}${path}`));
        expect(tab.requests.filter((url) => !own.has(url))).toEqual([]);
        // The refused question alone is noted by the browser.
        expect(tab.complaints.filter((line) => !line.includes("400"))).toEqual([]);
      } finally {
        await browser.close();
      }
    });
  },
);
