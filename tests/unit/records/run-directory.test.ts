/** @file Runs of an earlier version are found and resumed, and other settings are refused. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import type { RunConfigInput } from "../../../src/config/run-config.js";
import { identityOf } from "../../../src/config/run-identity.js";
import { Rules } from "../../../src/evaluate/rules.js";
import { readEvents } from "../../../src/records/read-events.js";
import { RunDirectory } from "../../../src/records/run-directory.js";
import type { RunCommand, RunManifest } from "../../../src/records/run-manifest.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

interface Stored {
  settings: RunConfigInput & { policyFile?: string };
  inputs: Record<string, unknown>;
  manifest: RunManifest;
  /** The directory's name where none was given: it holds a hash of the identity. */
  name: string;
}

/** Written by the version that called the rules file `policyFile`. */
const STORED = JSON.parse(
  readFileSync(new URL("../../fixtures/run-manifests/policy-file.json", import.meta.url), "utf8"),
) as Record<RunCommand, Stored>;

const folder = useTemporaryFolder();

function open(
  runsRoot: string,
  command: RunCommand,
  settings: RunConfigInput,
  inputs: Record<string, unknown>,
) {
  const config = parseRunConfig({ ...settings, runsRoot });
  return RunDirectory.open(
    config,
    {
      command,
      label: "counting",
      executor: "simulated",
      isSimulated: true,
      identity: { ...identityOf(config, command), ...inputs },
    },
    () => {},
  );
}

function store({ name, manifest }: Stored): string {
  const root = folder();
  mkdirSync(join(root, name));
  writeFileSync(join(root, name, "run.json"), JSON.stringify(manifest));
  return root;
}

describe("RunDirectory.open", () => {
  it.each(Object.keys(STORED) as RunCommand[])("finds and resumes a stored run of %s", async (command) => {
    const { settings, inputs, name } = STORED[command];
    const root = store(STORED[command]);
    const { policyFile, ...rest } = settings;
    const renamed = policyFile === undefined ? rest : { ...rest, rulesFile: policyFile };
    for (const given of [settings, renamed]) {
      const directory = await open(root, command, given, inputs);
      expect(directory.path).toBe(join(root, name));
      expect(directory.isResumed).toBe(true);
      directory.close();
    }
  });

  it("counts a forecast as no session: what comes after it begins the run", async () => {
    const { settings, inputs } = STORED.optimize;
    const root = folder();
    const start = {
      type: "run-start",
      command: "optimize",
      directory: "",
      task: "counting",
      isResumed: false,
    };
    const rest = { executor: "simulated", policy: "none", isSimulated: true };
    const sessions = async (isDryRun: boolean | undefined) => {
      const directory = await open(root, "optimize", settings, inputs);
      directory.record({ ...start, ...rest, isDryRun } as { type: string });
      directory.close();
      const { sessions: count, startedAt } = await readEvents(join(directory.path, "events.jsonl"));
      return [directory.isResumed, count, startedAt !== null];
    };
    expect(await sessions(true)).toEqual([false, 0, false]);
    expect(await sessions(true)).toEqual([false, 0, false]);
    expect(await sessions(undefined)).toEqual([false, 1, true]);
    expect(await sessions(undefined)).toEqual([true, 2, true]);
    expect(await sessions(true)).toEqual([true, 2, true]);
  });

  it("knows the rules of a stored run by their hash", () => {
    const rules = new Rules({ forbid: { topics: ["patient"], calls: ["runPython"] } });
    expect(rules.hash).toBe(STORED.optimize.inputs.callPolicyHash);
  });

  it("refuses to go on with other settings, and says which", async () => {
    const { settings, inputs, name } = STORED.optimize;
    const root = store(STORED.optimize);
    await expect(open(root, "optimize", { ...settings, run: name, turns: 3 }, inputs)).rejects.toThrow(
      /turns: 2 → 3/,
    );
  });
});
