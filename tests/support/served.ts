/** @file A server of workflows inside the test, with a fake executor behind it; both end with the test file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { parseRunConfig } from "../../src/config/config-layers.js";
import type { RunConfigInput } from "../../src/config/run-config.js";
import type { ProgramRunner } from "../../src/core/program-runner.js";
import { type RunningServer, startServer } from "../../src/serve/start-server.js";
import { type FakeOpenAI, type FakeOpenAIOptions, startFakeOpenAI } from "./fake-openai-server.js";
import { useTemporaryFolder } from "./temporary-folder.js";

/** One call to the executor; the answer is its reply. */
export const ECHO = "export default async (agent, task) => (await agent.text(task.question))[0];";

export interface Served {
  server: RunningServer;
  fake: FakeOpenAI;
  /** Ends in a slash; paths such as v1/models follow. */
  base: string;
  folder: string;
  warnings: string[];
  notices: string[];
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  chat(question: string, more?: object, init?: RequestInit): Promise<Response>;
}

export interface ServedOptions extends Omit<Partial<RunConfigInput>, "serve"> {
  /** Sources by name as a model. Default: ECHO as "echo". */
  workflows?: Record<string, string>;
  serve?: RunConfigInput["serve"];
  /** Offers `agent.runPython`; the caller closes it. */
  programs?: ProgramRunner;
  fake?: FakeOpenAIOptions;
}

/** Call at the top of a test file; the function returned starts a server. */
export function useServer(): (options?: ServedOptions) => Promise<Served> {
  const newFolder = useTemporaryFolder();
  const closers: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });
  return async ({
    workflows = { echo: ECHO },
    serve = {},
    fake: fakeOptions = {},
    programs,
    ...config
  } = {}) => {
    const fake = await startFakeOpenAI(fakeOptions);
    const folder = newFolder();
    const files = Object.entries(workflows).map(([name, source]) => {
      const path = join(folder, `${name}.js`);
      writeFileSync(path, source);
      return { path, name };
    });
    const [warnings, notices]: [string[], string[]] = [[], []];
    const server = await startServer(
      parseRunConfig({
        ...{ task: "input", executor: `openai:${fake.baseUrl}`, executorModel: "fake-model" },
        ...config,
        serve: { port: 0, ...serve },
      }),
      {
        ...{ workflows: files, programs },
        onWarning: (message) => void warnings.push(message),
        onNotice: (message) => void notices.push(message),
      },
    );
    closers.push(fake.close, () => server.stop(AbortSignal.abort()));
    const base = server.url.replace(/v1$/, "");
    const post: Served["post"] = (path, body, init = {}) =>
      fetch(`${base}${path}`, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...(init.headers as Record<string, string>) },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
    return {
      ...{ server, fake, base, folder, warnings, notices, post },
      chat: (question, more = {}, init) =>
        post(
          "v1/chat/completions",
          { model: Object.keys(workflows)[0], messages: [{ role: "user", content: question }], ...more },
          init,
        ),
    };
  };
}
