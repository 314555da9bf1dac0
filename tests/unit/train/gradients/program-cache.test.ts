/** @file Compiled programs are met again, and the least lately used ones are given up. */
import { expect, it } from "vitest";
import type { Backend } from "../../../../src/graph/backend.js";
import { GraphBuilder } from "../../../../src/graph/graph-builder.js";
import { ProgramCache } from "../../../../src/train/gradients/program-cache.js";

it("compiles a key once, keeps the last ones, and releases all", async () => {
  const compiled: string[] = [];
  const released: string[] = [];
  const backend: Backend = {
    name: "counting",
    async compile(graph) {
      const name = [...graph.outputs.keys()].join();
      compiled.push(name);
      return { run: async () => ({}), dispose: async () => void released.push(name) };
    },
  };
  const cache = new ProgramCache(backend, 2);
  const get = (name: string) =>
    cache.get(name, () => {
      const graph = new GraphBuilder();
      graph.output(name, graph.exp(graph.input("x", [1])));
      return graph.build();
    });
  const a = await get("a");
  await get("b");
  expect(await get("a")).toBe(a);
  await get("c");
  expect(compiled).toEqual(["a", "b", "c"]);
  expect(released).toEqual(["b"]);
  await get("b");
  expect(released).toEqual(["b", "a"]);
  await cache.close();
  expect(released).toEqual(["b", "a", "c", "b"]);
});
