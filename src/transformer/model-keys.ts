/** @file The metadata of one model file, asked by the keys of its own family. */
import { UnsupportedModelError } from "../core/errors.js";
import type { GgufHeader } from "../formats/gguf/gguf-contents.js";
import { integerValue, stringValue } from "../formats/gguf/gguf-metadata.js";
import { ValueType } from "../formats/gguf/gguf-types.js";

/** Reads `<architecture>.<key>`; what cannot be used is refused with the key's name before anything is allocated. */
export class ModelKeys {
  readonly header: GgufHeader;

  constructor(header: GgufHeader) {
    this.header = header;
  }

  /** The key as the file has it. */
  name(key: string): string {
    return `${this.header.architecture}.${key}`;
  }

  /** @throws {UnsupportedModelError} always */
  refuse(what: string, why: string): never {
    throw new UnsupportedModelError(`${this.header.file}: ${what} ${why}`, {
      hint: "llama.cpp may still run this file, but w4s cannot train it: choose a file of another family (docs/training.md names them)",
    });
  }

  /**
   * One integer for the whole model; a list whose values differ from layer to layer is refused.
   * @param skipsZeros layers with 0 do not have what is counted. Default false
   */
  optionalInteger(key: string, { skipsZeros = false } = {}): number | undefined {
    const name = this.name(key);
    const entry = this.header.metadata.get(name);
    if (entry?.type === ValueType.ARRAY) {
      const values = Array.from(entry.value as ArrayLike<number | bigint | string>, Number);
      const [first, ...rest] = skipsZeros ? values.filter((value) => value !== 0) : values;
      if (first === undefined || rest.some((value) => value !== first))
        this.refuse(name, "differs from layer to layer, which is not supported");
      return first;
    }
    const value = integerValue(this.header.metadata, name);
    if (value === undefined && entry !== undefined) this.refuse(name, "is not an integer");
    return value;
  }

  /** One integer per layer; a single one counts for all. */
  integers(key: string, layerCount: number): number[] {
    const entry = this.header.metadata.get(this.name(key));
    if (entry?.type !== ValueType.ARRAY) return Array(layerCount).fill(this.integer(key));
    const values = Array.from(entry.value as ArrayLike<number | bigint>, Number);
    if (values.length !== layerCount)
      this.refuse(this.name(key), `has ${values.length} elements for ${layerCount} layers`);
    return values;
  }

  integer(key: string): number {
    return this.optionalInteger(key) ?? this.refuse(this.name(key), "is missing");
  }

  optionalNumber(key: string): number | undefined {
    const name = this.name(key);
    const entry = this.header.metadata.get(name);
    if (entry === undefined) return undefined;
    if (entry.type !== ValueType.FLOAT32 && entry.type !== ValueType.FLOAT64)
      this.refuse(name, "is not a floating-point number");
    return entry.value as number;
  }

  number(key: string): number {
    return this.optionalNumber(key) ?? this.refuse(this.name(key), "is missing");
  }

  optionalString(key: string): string | undefined {
    return stringValue(this.header.metadata, this.name(key));
  }

  /** True only where the key says false. */
  isFalse(key: string): boolean {
    return this.header.metadata.get(this.name(key))?.value === false;
  }

  /** A flag per layer; undefined where the key is absent or an integer. */
  optionalFlags(key: string): boolean[] | undefined {
    const entry = this.header.metadata.get(this.name(key));
    if (entry?.type !== ValueType.ARRAY || entry.elementType !== ValueType.BOOL) return undefined;
    return Array.from(entry.value as Uint8Array, (flag) => flag === 1);
  }

  /** Refuses features that change the numbers and that no family here computes. */
  refuseIfPresent(keys: readonly string[]): void {
    for (const key of keys) {
      const name = this.name(key);
      const entry = this.header.metadata.get(name);
      if (entry !== undefined && entry.value !== 0 && entry.value !== false)
        this.refuse(name, `is ${String(entry.value)}, a feature that is not supported`);
    }
  }
}
