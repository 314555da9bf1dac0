/** @file Tensors of a GGUF file, split or not, read in ranges: as they are stored, or as float32. */
import { UnsupportedModelError } from "../../core/errors.js";
import { dequantize, isDequantizable } from "../quant/dequantize.js";
import { RangedFile } from "../ranged-file.js";
import { badHeader, type GgufHeader } from "./gguf-contents.js";
import { joinParts } from "./gguf-loadable.js";
import { badGguf } from "./gguf-reader.js";
import type { GgufTensor } from "./gguf-tensors.js";
import { readHeaderOf } from "./read-gguf-header.js";

/** Stored bytes held at a time while a tensor is dequantised: fits the second-level cache of most machines. */
const CHUNK_BYTES = 512 * 1024;

/** One tensor: where it lies and what it is. */
export interface GgufFileTensor extends Omit<GgufTensor, "dimensions" | "offset"> {
  /** Row-major, as in PyTorch: `[out, in]` for a weight; GGUF's own order turned around. */
  shape: readonly number[];
  /** Name of the type, such as `Q4_K`; all names are in TENSOR_TYPES. */
  typeName: string;
  /** All dimensions but the last one multiplied; 1 for a vector. */
  rowCount: number;
  /** Numbers of a row: the last dimension. */
  rowLength: number;
  /** Stored bytes of one row: rows are whole blocks. */
  rowBytes: number;
  /** Index in `header.parts` of the file that holds it. */
  part: number;
  /** First byte in that file. */
  fileOffset: number;
}

/** Rows `start` … `end` − 1 over all leading dimensions. */
interface RowRange {
  start: number;
  end: number;
}

/**
 * An open GGUF file whose header passed every check of readGgufHeader(). Models (all their parts), adapters
 * and other complete files open; a later part of a split model does not.
 */
export class GgufFile {
  /** Header of the file; for a split model, of all its parts together. */
  readonly header: GgufHeader;
  readonly tensors: ReadonlyMap<string, GgufFileTensor>;
  readonly #files: readonly RangedFile[];
  #scratch = new Uint8Array(0);

  private constructor(
    header: GgufHeader,
    tensors: ReadonlyMap<string, GgufFileTensor>,
    files: readonly RangedFile[],
  ) {
    this.header = header;
    this.tensors = tensors;
    this.#files = files;
  }

  /**
   * Reads and checks the header (and those of all parts); tensor data stays on the disk.
   * @throws {FormatError} `bad GGUF: <field>: <why>`
   */
  static open(path: string): GgufFile {
    const files: RangedFile[] = [];
    const tensors = new Map<string, GgufFileTensor>();
    const openPart = (partPath: string): GgufHeader => {
      const file = RangedFile.open(partPath, badGguf);
      files.push(file);
      const header = readHeaderOf(file);
      for (const tensor of header.tensors) {
        tensors.set(tensor.name, describe(tensor, files.length - 1, header.dataOffset));
      }
      return header;
    };
    try {
      const first = openPart(path);
      if (first.kind === "split-part") {
        throw badHeader(first, "split.no", "is a later part of a split model; open the first part");
      }
      const header = first.kind === "model" ? joinParts(first, openPart) : first;
      return new GgufFile(header, tensors, files);
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /**
   * The stored bytes of a tensor, or of some of its rows, in a new aligned array.
   * @throws {FormatError} when the tensor is not there, or the file became shorter since it was opened
   * @throws {RangeError} on rows that the tensor does not have
   */
  readBytes(name: string, rows?: RowRange): Uint8Array {
    const tensor = this.#tensor(name);
    const { start, end } = checkedRows(tensor, rows);
    const bytes = new Uint8Array((end - start) * tensor.rowBytes);
    this.#read(tensor, bytes, start * tensor.rowBytes);
    return bytes;
  }

  /**
   * The numbers of a tensor, or of some of its rows, in float32. Stored bytes are held half a megabyte at a
   * time. Values are not checked: weights may be NaN.
   * @param out is filled and returned; exactly as many numbers as the rows hold. Default: a new array.
   * @throws {UnsupportedModelError} naming tensor and type, where the type cannot be dequantised
   * @throws {FormatError} when the tensor is not there, or the file became shorter since it was opened
   * @throws {RangeError} on rows that the tensor does not have, or an array of another length
   */
  readFloats(name: string, rows?: RowRange, out?: Float32Array): Float32Array {
    const tensor = this.#tensor(name);
    const { typeName } = tensor;
    if (!isDequantizable(typeName)) {
      throw new UnsupportedModelError(`tensor ${name} has type ${typeName}, which cannot be dequantised`, {
        hint: "choose a file of the same model in another quantisation, such as Q8_0 or Q4_K_M",
      });
    }
    const { start, end } = checkedRows(tensor, rows);
    const count = (end - start) * tensor.rowLength;
    const floats = out ?? new Float32Array(count);
    if (floats.length !== count) {
      throw new RangeError(`tensor ${name}: an array of ${floats.length} for ${count} numbers`);
    }
    if (typeName === "F32") {
      this.#read(
        tensor,
        new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength),
        start * tensor.rowBytes,
      );
      return floats;
    }
    const { blockSize, blockBytes } = tensor.type;
    const blocks = count / blockSize;
    const step = Math.max(1, Math.floor(CHUNK_BYTES / blockBytes));
    for (let block = 0; block < blocks; block += step) {
      const taken = Math.min(step, blocks - block);
      const bytes = this.#reused(taken * blockBytes);
      this.#read(tensor, bytes, start * tensor.rowBytes + block * blockBytes);
      dequantize(typeName, bytes, floats.subarray(block * blockSize, (block + taken) * blockSize));
    }
    return floats;
  }

  /** Closes the file and its parts; a second call does nothing. */
  close(): void {
    for (const file of this.#files) file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #tensor(name: string): GgufFileTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw badHeader(this.header, `tensor ${name}`, "is missing");
    return tensor;
  }

  #read(tensor: GgufFileTensor, target: Uint8Array, offset: number): void {
    const file = this.#files[tensor.part] as RangedFile;
    file.readExactly(target, tensor.fileOffset + offset, `tensor ${tensor.name}`);
  }

  #reused(length: number): Uint8Array {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    return this.#scratch.subarray(0, length);
  }
}

function describe(tensor: GgufTensor, part: number, dataOffset: number): GgufFileTensor {
  const { dimensions, offset, ...rest } = tensor;
  const rowLength = dimensions[0] as number;
  const rowCount = rest.elementCount / rowLength;
  return {
    ...rest,
    shape: dimensions.toReversed(),
    typeName: rest.type.name,
    rowCount,
    rowLength,
    rowBytes: rest.sizeBytes / rowCount,
    part,
    fileOffset: dataOffset + offset,
  };
}

function checkedRows(tensor: GgufFileTensor, rows: RowRange | undefined): RowRange {
  if (!rows) return { start: 0, end: tensor.rowCount };
  const { start, end } = rows;
  const areWhole = Number.isInteger(start) && Number.isInteger(end);
  if (!areWhole || start < 0 || end < start || end > tensor.rowCount) {
    throw new RangeError(`tensor ${tensor.name}: rows ${start} to ${end} of ${tensor.rowCount}`);
  }
  return rows;
}
