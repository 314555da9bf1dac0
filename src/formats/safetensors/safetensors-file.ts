/** @file Reader of safetensors files: the header at once, tensors in ranges when they are asked for. */
import { UnsupportedModelError } from "../../core/errors.js";
import { dequantize } from "../quant/dequantize.js";
import { RangedFile } from "../ranged-file.js";
import { badSafetensors, readSafetensorsHeader, type SafetensorsTensor } from "./safetensors-header.js";

const FLOAT_DTYPES: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);

/** An open safetensors file: its header is checked, tensors are read when they are asked for. */
export class SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** The texts under `__metadata__`; empty where there are none. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly #file: RangedFile;

  private constructor(file: RangedFile) {
    const { tensors, metadata } = readSafetensorsHeader(file);
    this.path = file.path;
    this.tensors = tensors;
    this.metadata = metadata;
    this.#file = file;
  }

  /** Reads and checks the header. @throws {FormatError} `bad safetensors: <field>: <why>` */
  static open(path: string): SafetensorsFile {
    const file = RangedFile.open(path, badSafetensors);
    try {
      return new SafetensorsFile(file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * The stored bytes of a tensor in a new aligned array.
   * @throws {FormatError} when the tensor is not there, or the file became shorter since it was opened
   */
  readBytes(name: string): Uint8Array {
    const [start, end] = this.#tensor(name).byteRange;
    const bytes = new Uint8Array(end - start);
    this.#file.readExactly(bytes, start, `tensor ${name}`);
    return bytes;
  }

  /**
   * An F32, F16 or BF16 tensor as float32.
   * @throws {UnsupportedModelError} on other types
   * @throws {FormatError} as readBytes()
   */
  readFloats(name: string): Float32Array {
    const { dtype, elementCount } = this.#tensor(name);
    if (!FLOAT_DTYPES.has(dtype)) {
      const why = `has type ${dtype}, expected F32, F16 or BF16`;
      const hint = "convert the file to one of these types";
      throw new UnsupportedModelError(`tensor ${name} of ${this.path} ${why}`, { hint });
    }
    const floats = new Float32Array(elementCount);
    dequantize(dtype, this.readBytes(name), floats);
    return floats;
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    this.#file.close();
  }

  #tensor(name: string): SafetensorsTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw badSafetensors(this.path, `tensor ${name}`, "is missing", 8);
    return tensor;
  }
}
