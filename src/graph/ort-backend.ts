/** @file The fast backend: graphs run by onnxruntime. The only file that imports it. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { InternalError, messageOf, ShapeError } from "../core/errors.js";
import type { Backend, CompileOptions, NumericArray, Program } from "./backend.js";
import { checkArrays, checkComplete, readInputs } from "./check-feeds.js";
import { emitOnnx } from "./emit-onnx.js";
import type { Graph } from "./value.js";

type Ort = typeof import("onnxruntime-node");

/** Options of onnxruntime's sessions; ours are the defaults, each may be overwritten. */
export type SessionOptions = Omit<InferenceSession.SessionOptions, "externalData">;

export interface OrtOptions {
  /** Threads inside one op: at least 1. */
  readonly threads: number;
  readonly sessionOptions?: SessionOptions | undefined;
}

/** Loaded on first use, so that the library starts without the native package. */
let loading: Promise<Ort> | undefined;

async function loadOrt(): Promise<Ort> {
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
  async compile(graph: Graph, { weights = {} }: CompileOptions = {}): Promise<Program> {
    checkArrays(graph, weights, "weight");
    const ort = await loadOrt();
    const read = readInputs(graph);
    const used = Object.entries(weights).filter(([name]) => read.includes(name));
    const external = new Map(
      used.map(([name, data], i) => [name, { location: `weight-${i}`, byteLength: data.byteLength }]),
    );
    const model = emitOnnx(graph, external);
    const externalData = used.map(([, data], i) => ({
      path: `weight-${i}`,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }));
    try {
      const session = await ort.InferenceSession.create(model, {
        ...this.#sessionOptions,
        ...(externalData.length === 0 ? {} : { externalData }),
      });
      const fed = read.filter((name) => !(name in weights));
      return new OrtProgram(ort, session, graph, { fed, weights: new Set(Object.keys(weights)) });
    } catch (cause) {
      throw new InternalError(`onnxruntime refused a graph: ${messageOf(cause)}`, { cause });
    }
  }
}

interface CompiledInputs {
  /** Inputs that a run must feed. */
  readonly fed: readonly string[];
  readonly weights: ReadonlySet<string>;
}

class OrtProgram implements Program {
  readonly #ort: Ort;
  readonly #graph: Graph;
  readonly #inputs: CompiledInputs;
  #session: InferenceSession | undefined;

  constructor(ort: Ort, session: InferenceSession, graph: Graph, inputs: CompiledInputs) {
    this.#ort = ort;
    this.#session = session;
    this.#graph = graph;
    this.#inputs = inputs;
  }

  async run(
    feeds: Readonly<Record<string, NumericArray>>,
    outputs: Readonly<Record<string, Float32Array>> = {},
  ): Promise<Record<string, Float32Array>> {
    const session = this.#session;
    if (session === undefined) throw new InternalError("the program was disposed");
    this.#check(feeds, outputs);
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

  #check(
    feeds: Readonly<Record<string, NumericArray>>,
    outputs: Readonly<Record<string, Float32Array>>,
  ): void {
    checkArrays(this.#graph, feeds, "feed");
    checkArrays(this.#graph, outputs, "output");
    for (const name of Object.keys(feeds))
      if (this.#inputs.weights.has(name))
        throw new ShapeError("run", [], `feed "${name}" was compiled in as a weight`);
    checkComplete(this.#inputs.fed, feeds);
  }

  /** Feeds that nothing reads are left out: the session does not know them. */
  #tensors(feeds: Readonly<Record<string, NumericArray>>): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    for (const name of this.#inputs.fed) {
      const value = this.#graph.inputs.get(name);
      const data = feeds[name];
      if (value === undefined || data === undefined) continue;
      tensors[name] = new this.#ort.Tensor(value.dtype, data as Float32Array, value.shape) as Tensor;
    }
    return tensors;
  }
}
