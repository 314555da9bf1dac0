/** @file Both backends of graph/ against one contract, and what only onnxruntime has. */
import { describe, expect, it } from "vitest";
import { InternalError } from "../../src/core/errors.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { ReferenceBackend } from "../support/reference-backend.js";
import { graphBackendSuite } from "./graph-backend.js";

graphBackendSuite("reference-float32", () => new ReferenceBackend({ precision: "float32" }));
graphBackendSuite("ort", () => new OrtBackend({ threads: 2 }));

describe("onnxruntime", () => {
  it("refuses thread counts below 1 and options it does not know", async () => {
    for (const threads of [0, 1.5, Number.NaN])
      expect(() => new OrtBackend({ threads })).toThrow(/threads must be a whole number/);
    const builder = new GraphBuilder();
    builder.output("y", builder.exp(builder.input("x", [1])));
    const backend = new OrtBackend({
      threads: 1,
      sessionOptions: { graphOptimizationLevel: "most" as "all" },
    });
    await expect(backend.compile(builder.build())).rejects.toThrow(InternalError);
  });

  it("takes session options over its own", async () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", [3]);
    builder.output("y", builder.silu(x));
    const results = [];
    for (const graphOptimizationLevel of ["disabled", "all"] as const) {
      const backend = new OrtBackend({ threads: 1, sessionOptions: { graphOptimizationLevel } });
      const program = await backend.compile(builder.build());
      results.push((await program.run({ x: Float32Array.of(-1, 0, 2) })).y);
      await program.dispose();
    }
    expect(results[0]).toEqual(results[1]);
  });
});
