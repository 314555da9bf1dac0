/** @file The workflows of a server as models by name; their files may change while it runs. */
import { type Stats, unwatchFile, watchFile } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { ConfigError, InputError, messageOf } from "../core/errors.js";
import { asksForExamples } from "../evaluate/examples/task-examples.js";
import type { WorkflowParts } from "../records/workflow-parts.js";
import { readWorkflowFile } from "../run/evaluate.js";
import { parseModule } from "../workflow/reading/parse-module.js";
import { workflowHash } from "../workflow/workflow-hash.js";

export interface ServedWorkflow {
  /** Name as a model. */
  name: string;
  /** File it is read from. */
  path: string;
  source: string;
  /** Hash of the source. */
  hash: string;
  parts: WorkflowParts | undefined;
  /** Seconds since 1970 at which this version was read. */
  created: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
/** Polled, not watched: a file that is replaced by another of the same name is seen on every file system. */
const POLL_MS = 500;

export class ServedWorkflows {
  readonly #byName = new Map<string, ServedWorkflow>();

  /**
   * @param files - workflow files with their names as models; a name that is left out is made from the path
   * @throws {InputError} on a file that cannot be read or is no workflow; {ConfigError} on names that cannot be used
   */
  constructor(files: readonly { path: string; name?: string | undefined }[]) {
    for (const { path, name = nameOf(path) } of files) {
      const workflow = readWorkflow(name, path);
      if (!NAME.test(name))
        throw new ConfigError(`${JSON.stringify(name)} cannot be the name of a model`, {
          hint: "give another with --as: letters, digits and . _ : / -, at most 128",
        });
      if (this.#byName.has(name))
        throw new ConfigError(`two workflows are called ${name}`, {
          hint: "name them with --as, in the order of the workflows",
        });
      this.#byName.set(name, workflow);
    }
  }

  list(): readonly ServedWorkflow[] {
    return [...this.#byName.values()];
  }

  /** @param name - undefined stands for the only one */
  find(name: string | undefined): ServedWorkflow | undefined {
    if (name !== undefined) return this.#byName.get(name);
    return this.#byName.size === 1 ? this.list()[0] : undefined;
  }

  /**
   * Reads all files again. Requests that run keep the version they began with; a file that cannot be used now leaves the
   * version from before in its place.
   */
  reload(onChange: (message: string) => void): void {
    for (const { name, path, hash, parts } of this.list()) {
      try {
        const read = readWorkflow(name, path);
        if (read.hash === hash && JSON.stringify(read.parts) === JSON.stringify(parts)) continue;
        this.#byName.set(name, read);
        onChange(`${name} is now ${read.hash.slice(0, 12)} of ${path}`);
      } catch (error) {
        onChange(`${name} stays ${hash.slice(0, 12)}: ${messageOf(error)}`);
      }
    }
  }

  /** Calls back after a file has changed. @returns ends it */
  watch(onChange: () => void): () => void {
    const files = this.list().flatMap(({ path }) => [path, path.replace(/\.[cm]?js$/, ".json")]);
    // Node also tells once of each file that is not there.
    const onLook = (now: Stats, before: Stats) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) onChange();
    };
    for (const file of new Set(files)) watchFile(file, { interval: POLL_MS, persistent: false }, onLook);
    return () => {
      for (const file of new Set(files)) unwatchFile(file, onLook);
    };
  }
}

/** The run directory of a best-workflow.js, else the file without its ending. */
function nameOf(path: string): string {
  const file = basename(path).replace(/\.[cm]?js$/, "");
  return file === "best-workflow" ? basename(dirname(resolve(path))) : file;
}

function readWorkflow(name: string, path: string): ServedWorkflow {
  const { source, carried: parts } = readWorkflowFile(path);
  try {
    parseModule(source);
  } catch (error) {
    throw new InputError(`${path} is no workflow: ${messageOf(error, 200)}`, {
      hint: "docs/writing-workflows.md shows one",
      cause: error,
    });
  }
  if (asksForExamples(source) && parts?.examples === undefined) {
    throw new InputError(`${path} asks for examples, and none lie beside it`, {
      hint: "keep best-workflow.json beside best-workflow.js",
    });
  }
  return { name, path, source, hash: workflowHash(source), parts, created: Math.floor(Date.now() / 1000) };
}
