/** @file Hidden states that stay what they are for a whole run, kept by the pass they belong to. */
import { layoutKey, type PassTrie } from "./compiled-layers.js";

/** Arrays by name and pass, up to a number of bytes; what comes later is computed anew each time. */
export class StateCache {
  readonly #states = new Map<string, Float32Array>();
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  /** The kept states of this pass, else those that `compute` gives; they are only read. */
  async get(name: string, trie: PassTrie, compute: () => Promise<Float32Array>): Promise<Float32Array> {
    const key = `${name} ${layoutKey(trie)} ${trie.tokens.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const states = await compute();
    if (states.byteLength <= this.#leftBytes) {
      this.#leftBytes -= states.byteLength;
      this.#states.set(key, states);
    }
    return states;
  }
}
