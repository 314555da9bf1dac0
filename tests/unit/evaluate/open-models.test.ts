/** @file What was learned of an endpoint is kept in a file, and the next session begins with it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { LocalModels } from "../../../src/evaluate/local-models.js";
import { OpenModels } from "../../../src/evaluate/open-models.js";
import { type FakeOpenAI, faults, startFakeOpenAI } from "../../support/fake-openai-server.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
let server: FakeOpenAI | undefined;
afterEach(() => server?.close());

test("kept, read again, and begun anew where the file is damaged", async () => {
  server = await startFakeOpenAI({
    intercept: ({ body }) => (body?.seed === undefined ? undefined : faults.status(400, { error: "no" })),
  });
  const config = parseRunConfig({
    task: "t",
    executor: `openai:${server.baseUrl}`,
    executorModel: "fake-model",
    weak: "none",
  });
  const path = join(folder(), "endpoints.json");
  /** Requests that one call needs in a new session. */
  const session = async () => {
    const before = server?.chats.length ?? 0;
    await using opened = await OpenModels.open(config, new LocalModels(config), () => {});
    opened.keepHabits(path);
    await opened.executor.model.chat({ messages: [{ role: "user", content: "hi" }], seed: 1 });
    return (server?.chats.length ?? 0) - before;
  };
  expect(await session()).toBe(2);
  expect(Object.values(JSON.parse(readFileSync(path, "utf8")))).toEqual([["seed"]]);
  expect(await session()).toBe(1);
  writeFileSync(path, "{ torn");
  expect(await session()).toBe(2);
});
