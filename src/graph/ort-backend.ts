/** @file The fast backend: graphs run by onnxruntime. The only file that imports it. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { InternalError, messageOf } from "../core/errors.js";
import { muteOnnxruntime } from "../core/telemetry/mute-onnxruntime.js";
import type { Backend, NumericArray, Program } from "./backend.js";
import { checkRun, readInputs } from "./check-feeds.js";
import { emitOnnx } from "./emit-onnx.js";
import type { Graph, Value } from "./value.js";

type Ort = typeof import("onnxruntime-node");

/** Options of onnxruntime's sessions; ours are the defaults, each may be overwritten. */
export type SessionOptions = InferenceSession.SessionOptions;

export interface OrtOptions {
  /** Threads inside one op: at least 1. */
  readonly threads: number;
  readonly sessionOptions?: SessionOptions | undefined;
}

/** Loaded on first use, so that the library starts without the native package. */
let loading: Promise<Ort> | undefined;

async function loadOrt(): Promise<Ort> {
  muteOnnxruntime();
  loading ??= import("onnxruntime-node");
  try {
    return await loading;
  } catch (cause) {
    loading = undefined;
    throw new InternalError(`onnxruntime-node could not be loaded: ${messageOf(cause)}`, { cause });
  }
}

/** Backend that runs graphs by onnxruntime on the CPU; the native package is loaded at the first graph. */
export class OrtBackend implements Backend {
  readonly name = "ort";
  readonly #sessionOptions: SessionOptions;

  /** @throws {InternalError} for a thread count that is no whole number of at least 1. */
  constructor({ threads, sessionOptions = {} }: OrtOptions) {
    if (!Number.isInteger(threads) || threads < 1)
      throw new InternalError(`threads must be a whole number of at least 1, not ${threads}`);
    this.#sessionOptions = {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      enableCpuMemArena: true,
      // A planned block beside what the first run took: half a gigabyte more for one training episode, and no faster.
      enableMemPattern: false,
      // Errors come as exceptions; the library itself must not write to stderr (4 = only when it dies).
      logSeverityLevel: 4,
      ...sessionOptions,
    };
  }

  /** @throws {InternalError} when onnxruntime refuses the model, naming the node where it says which. */
  async compile(graph: Graph): Promise<Program> {
    const ort = await loadOrt();
    try {
      const session = await ort.InferenceSession.create(emitOnnx(graph), this.#sessionOptions);
      return new OrtProgram(ort, session, graph);
    } catch (cause) {
      throw new InternalError(`onnxruntime refused a graph: ${messageOf(cause)}`, { cause });
    }
  }
}

class OrtProgram implements Program {
  readonly #ort: Ort;
  readonly #graph: Graph;
  /** Inputs that a run must feed. */
  readonly #fed: readonly string[];
  #session: InferenceSession | undefined;

  constructor(ort: Ort, session: InferenceSession, graph: Graph) {
    this.#ort = ort;
    this.#session = session;
    this.#graph = graph;
    this.#fed = readInputs(graph);
  }

  async run(
    feeds: Readonly<Record<string, NumericArray>>,
    outputs: Readonly<Record<string, Float32Array>> = {},
  ): Promise<Record<string, Float32Array>> {
    const session = this.#session;
    if (session === undefined) throw new InternalError("the program was disposed");
    checkRun(this.#graph, feeds, outputs);
    const fetches: Record<string, Tensor | null> = {};
    for (const [name, { shape }] of this.#graph.outputs) {
      const given = outputs[name];
      fetches[name] = given === undefined ? null : new this.#ort.Tensor("float32", given, shape);
    }
    let results: InferenceSession.ReturnType;
    try {
      results = await session.run(this.#tensors(feeds), fetches);
    } catch (cause) {
      throw new InternalError(`onnxruntime failed: ${messageOf(cause)}`, { cause });
    }
    const arrays: Record<string, Float32Array> = {};
    for (const name of this.#graph.outputs.keys())
      arrays[name] = outputs[name] ?? ((results[name] as Tensor).data as Float32Array);
    return arrays;
  }

  async dispose(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }

  /** Feeds that nothing reads are left out: the session does not know them. */
  #tensors(feeds: Readonly<Record<string, NumericArray>>): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    for (const name of this.#fed) {
      const { dtype, shape } = this.#graph.inputs.get(name) as Value;
      tensors[name] = new this.#ort.Tensor(dtype, feeds[name] as Float32Array, shape) as Tensor;
    }
    return tensors;
  }
}
