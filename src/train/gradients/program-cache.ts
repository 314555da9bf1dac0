/** @file Compiled programs by name, the least lately used ones given up first. */
import type { Backend, Program } from "../../graph/backend.js";
import type { Graph } from "../../graph/graph-builder.js";

export class ProgramCache {
  readonly #backend: Backend;
  readonly #limit: number;
  readonly #programs = new Map<string, Program>();

  /** @param limit programs kept, from 1 */
  constructor(backend: Backend, limit: number) {
    this.#backend = backend;
    this.#limit = limit;
  }

  /** The program of this key; valid until `limit` others were asked for. */
  async get(key: string, build: () => Graph): Promise<Program> {
    const program = this.#programs.get(key) ?? (await this.#backend.compile(build()));
    this.#programs.delete(key);
    this.#programs.set(key, program);
    for (const [old, unused] of [...this.#programs].slice(0, -this.#limit)) {
      this.#programs.delete(old);
      await unused.dispose();
    }
    return program;
  }

  async close(): Promise<void> {
    const all = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of all) await program.dispose();
  }
}
