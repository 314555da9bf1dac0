/** @file The backend that trains: the device that was asked for where it works, else the CPU, with the reason. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, messageOf } from "../core/errors.js";
import type { ComputeDevice } from "./compute-device.js";
import { GraphBuilder } from "./graph-builder.js";
import { OrtBackend, type OrtOptions } from "./ort-backend.js";

/** Device that computes, and why it is not the one that was asked for. */
export interface UsedDevice {
  device: ComputeDevice;
  reason?: string | undefined;
}

/**
 * Fails before anything is computed where a device was asked for whose libraries are not there.
 * @throws {ConfigError} for `cuda` without them
 */
export function requireDevice(device: ComputeDevice | undefined): void {
  if (device !== "cuda") return;
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  const binaries = join(dirname(main), "..", "bin", "napi-v6", process.platform, process.arch);
  if (existsSync(join(binaries, "libonnxruntime_providers_cuda.so"))) return;
  const isOffered = process.platform === "linux" && process.arch === "x64";
  throw new ConfigError(
    isOffered
      ? "device cuda: onnxruntime-node is installed without its CUDA libraries"
      : `device cuda: onnxruntime-node has it for Linux on x64 only, not for ${process.platform} on ${process.arch}`,
    {
      hint: isOffered
        ? "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node fetches them (CUDA 12 and cuDNN must be there); or --device webgpu"
        : "use --device webgpu, or leave it out",
    },
  );
}

/**
 * Compiles and runs a tiny graph on the device; where that fails, the CPU takes its place.
 * @throws {ConfigError} as requireDevice()
 */
export async function openDevice(options: OrtOptions): Promise<UsedDevice & { backend: OrtBackend }> {
  const { device = "cpu" } = options;
  requireDevice(device);
  const backend = new OrtBackend(options);
  const reason = device === "cpu" ? undefined : await probe(backend);
  if (reason === undefined) return { backend, device };
  return { backend: new OrtBackend({ ...options, device: "cpu" }), device: "cpu", reason };
}

/** What training is made of, small: a batched product read transposed, a softmax, a sum. */
async function probe(backend: OrtBackend): Promise<string | undefined> {
  const builder = new GraphBuilder();
  const x = builder.input("x", [2, 2, 3]);
  const weights = builder.softmax(builder.matmul(x, x, { transB: true, alpha: 0.5 }));
  builder.output("sums", builder.reduceSum(weights, [-1]));
  builder.output("products", builder.matmul(x, x, { transB: true }));
  try {
    const program = await backend.compile(builder.build());
    const { sums, products } = await program.run({ x: Float32Array.of(1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 1, 0) });
    await program.dispose();
    const numbers = [...(sums as Float32Array), ...(products as Float32Array)];
    const wanted = [1, 1, 1, 1, 14, 32, 32, 77, 1, 0, 0, 1];
    if (numbers.some((number, i) => !(Math.abs(number - (wanted[i] as number)) < 1e-3)))
      return `a tiny graph gave wrong numbers (${numbers.join(", ")})`;
    return backend.placement.partial > 0 ? "it cannot do all of a tiny graph" : undefined;
  } catch (error) {
    return plain(messageOf(error));
  }
}

/** onnxruntime's message without the place in its source and the condition that stand before it. */
function plain(message: string): string {
  const told = message.split(" was false.").at(-1) as string;
  return told
    .replace(/^onnxruntime (refused a graph|failed): /, "")
    .trim()
    .replace(/\s+/g, " ");
}
