/** @file The fast backend: graphs run by onnxruntime. The only file that imports it. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { InternalError, messageOf } from "../core/errors.js";
import { muteOnnxruntime } from "../core/telemetry/mute-onnxruntime.js";
import { decodeFloat16 } from "../formats/quant/half-float.js";
import type { Backend, NumericArray, Program } from "./backend.js";
import { checkRun, readInputs } from "./check-feeds.js";
import type { ComputeDevice } from "./compute-device.js";
import { emitOnnx, fedType } from "./emit-onnx.js";
import { GraphBuilder } from "./graph-builder.js";
import { HeldArrays } from "./held-arrays.js";
import type { Dialect } from "./onnx-emitter.js";
import type { Shape } from "./shape.js";
import type { Graph, Value } from "./value.js";

type Ort = typeof import("onnxruntime-node");

/** Options of onnxruntime's sessions; ours are the defaults, each may be overwritten. */
export type SessionOptions = InferenceSession.SessionOptions;

export interface OrtOptions {
  /** Threads inside one op: at least 1. */
  readonly threads: number;
  /** Default cpu. */
  readonly device?: ComputeDevice | undefined;
  /** Ops that graphs are written in. Default: as the device has them. */
  readonly dialect?: Dialect | undefined;
  readonly sessionOptions?: SessionOptions | undefined;
}

/** Loaded on first use, so that the library starts without the native package. */
let loading: Promise<Ort> | undefined;

async function loadOrt(): Promise<Ort> {
  muteOnnxruntime();
  loading ??= import("onnxruntime-node");
  try {
    const ort = await loading;
    // As in sessions: that a device is missing comes as an exception.
    ort.env.logLevel = "fatal";
    return ort;
  } catch (cause) {
    loading = undefined;
    throw new InternalError(`onnxruntime-node could not be loaded: ${messageOf(cause)}`, { cause });
  }
}

/** Backend that runs graphs by onnxruntime; the native package is loaded at the first graph. */
export class OrtBackend implements Backend {
  readonly name = "ort";
  readonly device: ComputeDevice;
  readonly #dialect: Dialect;
  readonly #sessionOptions: SessionOptions;
  /** Only where tensors can stay on the device: what CUDA gives out always comes back. */
  readonly #held: HeldArrays<Tensor> | undefined;
  /** Programs that carry an array of one shape to the device. */
  readonly #carriers = new Map<string, Promise<InferenceSession>>();
  #graphs = 0;
  #partial = 0;

  /** @throws {InternalError} for a thread count that is no whole number of at least 1. */
  constructor({ threads, device = "cpu", dialect, sessionOptions = {} }: OrtOptions) {
    if (!Number.isInteger(threads) || threads < 1)
      throw new InternalError(`threads must be a whole number of at least 1, not ${threads}`);
    this.device = device;
    this.#dialect = dialect ?? (device === "webgpu" ? "webgpu" : "cpu");
    this.#held =
      device === "webgpu" ? new HeldArrays((array, shape) => this.#carry(array, shape)) : undefined;
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
      ...(device === "cpu" ? {} : { executionProviders: [device] }),
      ...sessionOptions,
    };
  }

  /** Graphs compiled so far, and those of which the device could not do every op: the CPU did the others. */
  get placement(): { graphs: number; partial: number } {
    return { graphs: this.#graphs, partial: this.#partial };
  }

  /** @throws {InternalError} when onnxruntime refuses the model, naming the node where it says which. */
  async compile(graph: Graph): Promise<Program> {
    const ort = await loadOrt();
    try {
      const session = await this.#session(ort, emitOnnx(graph, this.#dialect));
      this.#graphs++;
      return new OrtProgram(ort, session, graph, { dialect: this.#dialect, held: this.#held });
    } catch (cause) {
      throw new InternalError(`onnxruntime refused a graph: ${messageOf(cause)}`, { cause });
    }
  }

  hold(array: NumericArray): void {
    this.#held?.add(array);
  }

  async free(): Promise<void> {
    await this.#held?.free();
    const carriers = [...this.#carriers.values()];
    this.#carriers.clear();
    for (const session of carriers) await (await session).release();
  }

  /** On a device whole graphs are asked for first, so that what the CPU does instead is known. */
  async #session(ort: Ort, model: Uint8Array): Promise<InferenceSession> {
    const options = this.#sessionOptions;
    if (this.device === "cpu") return await ort.InferenceSession.create(model, options);
    try {
      const extra = { ...options.extra, session: { disable_cpu_ep_fallback: "1" } };
      return await ort.InferenceSession.create(model, { ...options, extra });
    } catch (error) {
      if (!messageOf(error).includes("fallback to CPU EP has been explicitly disabled")) throw error;
      const session = await ort.InferenceSession.create(model, options);
      this.#partial++;
      return session;
    }
  }

  /** A copy of an array on the device: the output of a program that changes nothing. Its data cannot be read here. */
  async #carry(array: NumericArray, shape: Shape): Promise<Tensor> {
    const ort = await loadOrt();
    const key = shape.join();
    let carrier = this.#carriers.get(key);
    if (carrier === undefined) {
      const builder = new GraphBuilder();
      builder.output("y", builder.input("x", shape));
      const options: SessionOptions = { ...this.#sessionOptions, preferredOutputLocation: "gpu-buffer" };
      carrier = ort.InferenceSession.create(emitOnnx(builder.build(), this.#dialect), options);
      this.#carriers.set(key, carrier);
    }
    const x = new ort.Tensor("float32", widened(array), shape);
    return (await (await carrier).run({ x })).y as Tensor;
  }
}

interface ProgramOptions {
  readonly dialect: Dialect;
  readonly held: HeldArrays<Tensor> | undefined;
}

class OrtProgram implements Program {
  readonly #ort: Ort;
  readonly #graph: Graph;
  readonly #options: ProgramOptions;
  /** Inputs that a run must feed. */
  readonly #fed: readonly string[];
  #session: InferenceSession | undefined;

  constructor(ort: Ort, session: InferenceSession, graph: Graph, options: ProgramOptions) {
    this.#ort = ort;
    this.#session = session;
    this.#graph = graph;
    this.#options = options;
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
      results = await session.run(await this.#tensors(feeds), fetches);
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
  async #tensors(feeds: Readonly<Record<string, NumericArray>>): Promise<Record<string, Tensor>> {
    const { dialect, held } = this.#options;
    const tensors: Record<string, Tensor> = {};
    for (const name of this.#fed) {
      const { dtype, shape } = this.#graph.inputs.get(name) as Value;
      const array = feeds[name] as NumericArray;
      const type = fedType(dtype, dialect);
      const made = () =>
        new this.#ort.Tensor(
          type,
          (type === dtype ? array : widened(array)) as Float32Array,
          shape,
        ) as Tensor;
      tensors[name] = (await held?.get(array, shape)) ?? made();
    }
    return tensors;
  }
}

function widened(array: NumericArray): Float32Array {
  return array instanceof Uint16Array
    ? decodeFloat16(array, new Float32Array(array.length))
    : (array as Float32Array);
}
