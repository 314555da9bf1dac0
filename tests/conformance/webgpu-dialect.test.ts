/** @file The ops of the WebGPU dialect, run on the CPU provider: the same numbers as the usual ones, no GPU needed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OpName } from "../../src/graph/graph-builder.js";
import { OP_TABLE } from "../../src/graph/op-table.js";
import { OrtBackend, type SessionOptions } from "../../src/graph/ort-backend.js";
import { graphWithGradients, largestDifference, runGraph } from "../support/op-case-gradients.js";
import { graphBackendSuite } from "./graph-backend.js";
import { OP_CASES } from "./graph-backend-cases.js";

const SEED = 20261130;
const RUNS = 20;

/** As the trainer compiles: the level above finds Transpose and Mul around a MatMul and makes FusedMatMul of them again. */
const BASIC: SessionOptions = { graphOptimizationLevel: "basic" };

/** Ops whose graphs, gradients included, hold a product that is written otherwise. */
const PRODUCTS: ReadonlySet<OpName> = new Set(["matmul", "attend", "mergedLinear"]);
/**
 * Transposing first and multiplying an operand by the factor changes the order of a sum of up to 70 products and rounds
 * each of them once more; a Sum that is no part of a Gemm is rounded on its own. At most 72 half units of the largest
 * partial sum: 72 · 2⁻²⁴ = 4.3e-6 (1.2e-6 was seen). All other ops differ by nothing.
 */
const PRODUCT_BOUND = 72 * 2 ** -24;

const usual = new OrtBackend({ threads: 2 });
const dialect = () => new OrtBackend({ threads: 2, dialect: "webgpu", sessionOptions: BASIC });

graphBackendSuite("ort, WebGPU dialect", dialect);

describe(`values and gradients of the dialect beside the usual ones, seed ${SEED}`, () => {
  const backend = dialect();
  it.each(Object.keys(OP_TABLE) as OpName[])("%s", async (op) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(OP_CASES[op]("small"), OP_CASES[op]("large")), async (opCase) => {
        const { graph, feeds } = graphWithGradients(op, opCase);
        const expected = await runGraph(usual, graph, feeds);
        const worst = largestDifference(await runGraph(backend, graph, feeds), expected);
        expect(worst).toBeLessThanOrEqual(PRODUCTS.has(op) ? PRODUCT_BOUND : 0);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
