/**
 * @file One heap for everything a trainer computes.
 * An arena of onnxruntime belongs to one session and keeps its largest scratch; a trainer runs two to four sessions in
 * turn. Without arenas they share the C library's heap, which is told to keep what it was given: as fast, and half a
 * gigabyte less for SmolLM2 at 2,048 tokens (docs/results/train-bench.md).
 */
import type { SessionOptions } from "../../graph/ort-backend.js";

/**
 * Options of a trainer's sessions. The graphs are fused where they are written, so that onnxruntime's later levels find
 * nothing and only take time: a sixth of compiling, for the same bytes.
 */
export const SHARED_HEAP: SessionOptions = { enableCpuMemArena: false, graphOptimizationLevel: "basic" };

/** Fresh pages for every tensor would cost 9 % of the time. Read by glibc alone; elsewhere it changes nothing. */
export const HEAP_ENVIRONMENT = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 32),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 32),
} as const;
