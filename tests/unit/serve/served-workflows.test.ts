/** @file Workflows as models: their names, what cannot be served, and what a changed file does. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ServedWorkflows } from "../../../src/serve/served-workflows.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const PLAIN = "export default async () => 1;";
const ASKING = "export default async (agent) => fewShot(await agent.examples(2));";
const PARTS = { format: "w4s-workflow", version: 1, examples: [{ question: "q", answer: "a" }] };

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = newFolder();
  mkdirSync(at("my-run"));
  writeFileSync(at("my-run/best-workflow.js"), PLAIN);
  writeFileSync(at("sum.js"), PLAIN);
  writeFileSync(at("broken.js"), "export default async () => {");
  writeFileSync(at("asking.js"), ASKING);
});

describe("served workflows", () => {
  it("are named by their run, by their file, or as they are told", () => {
    const files = [{ path: at("my-run/best-workflow.js") }, { path: at("sum.js") }];
    const served = new ServedWorkflows([...files, { path: at("sum.js"), name: "team/sum:2" }]);
    expect(served.list().map(({ name }) => name)).toEqual(["my-run", "sum", "team/sum:2"]);
    expect(served.find("sum")?.source).toBe(PLAIN);
    expect([served.find(undefined), served.find("constructor")]).toEqual([undefined, undefined]);
    expect(new ServedWorkflows(files.slice(1)).find(undefined)?.name).toBe("sum");
  });

  it.each([
    ["two workflows are called sum", "ConfigError", ["sum.js", "sum.js"], undefined],
    ["cannot be the name of a model", "ConfigError", ["sum.js"], "a b"],
    ["is no workflow", "InputError", ["broken.js"], undefined],
    ["cannot read the workflow", "InputError", ["none.js"], undefined],
    ["a folder without best-workflow.js", "InputError", ["."], undefined],
    ["none lie beside it", "InputError", ["asking.js"], undefined],
  ])("are refused: %s", (message, kind, paths, name) => {
    const make = () => new ServedWorkflows(paths.map((path) => ({ path: at(path), name })));
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ name: kind }));
  });

  it("change with their files and the parts beside them, never to something broken", () => {
    writeFileSync(at("changing.js"), PLAIN);
    const served = new ServedWorkflows([{ path: at("changing.js") }]);
    const notes: string[] = [];
    const reload = () => served.reload((note) => void notes.push(note));
    reload();
    expect(notes).toEqual([]);
    // The source comes first, its examples after it: between the two the old version is served.
    writeFileSync(at("changing.js"), ASKING);
    reload();
    expect(served.find("changing")?.source).toBe(PLAIN);
    writeFileSync(at("changing.json"), JSON.stringify(PARTS));
    reload();
    expect(served.find("changing")).toMatchObject({ source: ASKING, parts: PARTS });
    expect(notes.map((note) => note.split(" ")[1])).toEqual(["stays", "is"]);
  });
});
