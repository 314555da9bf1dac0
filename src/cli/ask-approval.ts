/** @file Asks at a terminal whether a newly designed workflow may run: its card, its source, one letter. */
import { createInterface } from "node:readline/promises";
import type { AskApproval, RunConfig } from "../commands.js";
import { visible } from "./print/output.js";

const ANSWERS = { y: "yes", n: "no", a: "always", q: "quit" } as const;

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream & { isTTY?: boolean };
}

/**
 * @param cardText - of the library, which this file must not load early
 * @param pause - stops what else is being drawn
 * @returns undefined where no person can answer: not both ends are a terminal
 */
export function askApproval(
  { input, output }: Terminal,
  cardText: (card: Parameters<AskApproval>[0]["card"]) => string,
  pause: () => void,
): AskApproval | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async ({ card, source }) => {
    pause();
    output.write(visible(`\nA newly designed workflow is about to run.\n\n${cardText(card)}\n${source}\n`));
    const lines = createInterface({ input, output });
    try {
      // The end of the input is no consent.
      const ended = new Promise<"q">((resolve) => lines.once("close", () => resolve("q")));
      for (;;) {
        const question = lines.question(
          "Run it? yes, no, always (this and all further ones), quit [y/n/a/q]: ",
        );
        const answer = (await Promise.race([question, ended])).trim().toLowerCase();
        const chosen = Object.entries(ANSWERS).find(([letter, word]) => answer === letter || answer === word);
        if (chosen) return chosen[1];
      }
    } finally {
      lines.close();
    }
  };
}

/** The hook of a run that was asked to ask, at the terminal it was started from. */
export function approvalHook(
  config: Pick<RunConfig, "approve" | "approveFile">,
  cardText: Parameters<typeof askApproval>[1],
  pause: () => void,
): { approve?: AskApproval } {
  if (!config.approve && config.approveFile === undefined) return {};
  const approve = askApproval({ input: process.stdin, output: process.stderr }, cardText, pause);
  return approve === undefined ? {} : { approve };
}
