/** @file Reader of safetensors files: the header at once, tensors in ranges when they are asked for. */
import { InternalError, UnsupportedModelError } from "../../core/errors.js";
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
  #isClosed = false;

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
    if (!FLOAT_DTYPES.has(dtype)) this.#refuse(name, dtype, "F32, F16 or BF16");
    const floats = new Float32Array(elementCount);
    dequantize(dtype, this.readBytes(name), floats);
    return floats;
  }

  /**
   * A U8, I32 or I64 tensor as 32-bit integers.
   * @throws {UnsupportedModelError} on other types
   * @throws {FormatError} as readBytes(), and on a 64-bit number that 32 bits do not hold
   */
  readInts(name: string): Int32Array {
    const { dtype, byteRange } = this.#tensor(name);
    if (dtype === "U8") return Int32Array.from(this.readBytes(name));
    if (dtype === "I32") return new Int32Array(this.readBytes(name).buffer);
    if (dtype !== "I64") this.#refuse(name, dtype, "U8, I32 or I64");
    const wide = new BigInt64Array(this.readBytes(name).buffer);
    const bad = wide.findIndex((value) => value !== BigInt.asIntN(32, value));
    if (bad >= 0) {
      const why = `element ${bad} is ${wide[bad]}, expected a 32-bit integer`;
      throw badSafetensors(this.path, `tensor ${name}`, why, byteRange[0] + bad * 8);
    }
    return Int32Array.from(wide, Number);
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    this.#isClosed = true;
    this.#file.close();
  }

  #tensor(name: string): SafetensorsTensor {
    if (this.#isClosed) throw new InternalError(`${this.path} was read after it was closed`);
    const tensor = this.tensors.get(name);
    if (!tensor) throw badSafetensors(this.path, `tensor ${name}`, "is missing", 8);
    return tensor;
  }

  #refuse(name: string, dtype: string, expected: string): never {
    throw new UnsupportedModelError(
      `tensor ${name} of ${this.path} has type ${dtype}, expected ${expected}`,
      {
        hint: "convert the file to one of these types",
      },
    );
  }
}
