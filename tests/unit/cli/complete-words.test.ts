/** @file Words that may stand at the end of a command line, and the scripts that ask for them. */
import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { completeWords } from "../../../src/cli/complete-words.js";
import { buildProgram } from "../../../src/cli/program.js";

const NAMES = {
  datasets: ["tickets", "word-problems"],
  models: ["nano", "smollm2-135m"],
  runs: ["optimize-tickets-1a2b"],
};

async function completed(...words: string[]): Promise<string[]> {
  return await completeWords(await buildProgram(words.slice(0, -1)), words, async (kind) => NAMES[kind]);
}

async function scriptOf(shell: string): Promise<string> {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  await (await buildProgram(["completion"])).parseAsync(["completion", shell], { from: "user" });
  vi.restoreAllMocks();
  return printed;
}

afterEach(() => vi.restoreAllMocks());

describe("completeWords", () => {
  it("completes commands and their subcommands", async () => {
    expect(await completed("ru")).toEqual(["runs", "run"]);
    expect(await completed("models", "")).toEqual(["list", "pull", "path"]);
    expect(await completed("data", "im")).toEqual(["import"]);
    expect(await completed("nonsense", "x")).toEqual([]);
  });

  it("completes the flags of a command, and only those", async () => {
    expect(await completed("optimize", "--max-d")).toEqual(["--max-dollars"]);
    expect(await completed("models", "pull", "--y")).toEqual(["--yes"]);
    expect(await completed("bench", "--max-d")).toEqual([]);
    expect(await completed("optimize", "--pol")).toEqual([]);
  });

  it("completes choices of flags, of commander's and of the configuration", async () => {
    expect(await completed("train", "--spans", "")).toEqual(["last", "all"]);
    expect(await completed("optimize", "--designer", "r")).toEqual(["random"]);
  });

  it("completes names that are here, of flags and of arguments", async () => {
    expect(await completed("optimize", "--task", "")).toEqual(NAMES.datasets);
    expect(await completed("optimize", "--task", "tickets", "--model", "n")).toEqual(["nano"]);
    expect(await completed("models", "path", "smo")).toEqual(["smollm2-135m"]);
    expect(await completed("report", "")).toEqual([...NAMES.runs, "latest"]);
    expect(await completed("inspect", "latest", "--audit", "")).toEqual([...NAMES.runs, "latest"]);
  });

  it("leaves files to the shell", async () => {
    expect(await completed("train", "--chat", "")).toEqual([]);
    expect(await completed("run", "--input", "in")).toEqual([]);
  });
});

describe("w4s completion", () => {
  it("gives bash a function that fills its replies, words with blanks in one piece", async () => {
    const script = `w4s() { printf '%s\\n' "$#" "$2" "a name"; }
${await scriptOf("bash")}
COMP_WORDS=(w4s report ""); COMP_CWORD=2; _w4s; printf '%s|' "\${COMPREPLY[@]}"`;
    // What it is called with: __complete, report and the empty word that is being typed.
    expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe("3|report|a name|");
  });

  it("has a script for each shell, and refuses others", async () => {
    for (const shell of ["zsh", "fish"]) expect(await scriptOf(shell)).toContain("w4s __complete");
    await expect(scriptOf("cmd")).rejects.toThrow(/Allowed choices are bash, zsh, fish/);
  });
});
