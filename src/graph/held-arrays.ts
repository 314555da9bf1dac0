/** @file Copies on a device of arrays that never change, such as the weights of a frozen model. */
import type { NumericArray } from "./backend.js";
import { isSameShape, type Shape } from "./shape.js";

interface Copy<Tensor> {
  readonly shape: Shape;
  readonly tensor: Promise<Tensor>;
}

/** Carries each array over once, when it is first fed. */
export class HeldArrays<Tensor extends { dispose(): void }> {
  readonly #carry: (array: NumericArray, shape: Shape) => Promise<Tensor>;
  readonly #held = new Map<NumericArray, Copy<Tensor> | undefined>();

  /** @param carry makes the copy of an array on the device */
  constructor(carry: (array: NumericArray, shape: Shape) => Promise<Tensor>) {
    this.#carry = carry;
  }

  add(array: NumericArray): void {
    if (!this.#held.has(array)) this.#held.set(array, undefined);
  }

  /** The copy of an array; undefined where it is not held, or held in another shape. */
  async get(array: NumericArray, shape: Shape): Promise<Tensor | undefined> {
    if (!this.#held.has(array)) return undefined;
    let copy = this.#held.get(array);
    if (copy === undefined) {
      copy = { shape, tensor: this.#carry(array, shape) };
      this.#held.set(array, copy);
    }
    return isSameShape(copy.shape, shape) ? await copy.tensor : undefined;
  }

  async free(): Promise<void> {
    const copies = [...this.#held.values()];
    this.#held.clear();
    for (const copy of copies) (await copy?.tensor)?.dispose();
  }
}
