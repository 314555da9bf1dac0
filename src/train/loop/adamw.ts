/** @file AdamW with decoupled weight decay over named flat arrays. */
import { InternalError } from "../../core/errors.js";

export interface AdamWOptions {
  /** Above 0. */
  learningRate: number;
  /** Share of a parameter that is taken off per update, times the learning rate; 0 or more. */
  weightDecay: number;
  /** Which parameters decay. Default all. */
  decays?: ((name: string) => boolean) | undefined;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** All that an optimiser remembers between updates. */
export interface AdamWState {
  /** Updates done. */
  step: number;
  /** Running mean of the gradient, by parameter. */
  m: Map<string, Float32Array>;
  /** Running mean of its square, by parameter. */
  v: Map<string, Float32Array>;
}

/**
 * With decay λ, rate η and update t from 1:
 *
 *     p ← p − η λ p;   m ← β₁ m + (1 − β₁) g;   v ← β₂ v + (1 − β₂) g²
 *     p ← p − η · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * State and parameters are stored as float32; the arithmetic of an element is float64 in between.
 * @source Loshchilov, Hutter: Decoupled Weight Decay Regularization (arXiv 1711.05101), algorithm 2; in the form,
 *   and with the defaults, of torch.optim.AdamW
 */
export class AdamW {
  readonly #options: AdamWOptions;

  constructor(options: AdamWOptions) {
    this.#options = options;
  }

  /** The state before the first update: all zeros. */
  static init(parameters: ReadonlyMap<string, Float32Array>): AdamWState {
    const zeros = () =>
      new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
    return { step: 0, m: zeros(), v: zeros() };
  }

  /**
   * One update of parameters and state, in place; nothing is allocated per element.
   * @param rateFactor from a schedule, for the update of number `state.step`
   * @throws {InternalError} when names or lengths of the four do not fit together; nothing is changed then
   */
  update(
    state: AdamWState,
    parameters: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
    rateFactor = 1,
  ): void {
    for (const [name, { length }] of parameters) {
      for (const other of [gradients, state.m, state.v]) {
        if (other.get(name)?.length === length) continue;
        throw new InternalError(
          `AdamW: ${name} has ${length} numbers, but ${other.get(name)?.length} beside it`,
        );
      }
    }
    const { learningRate, weightDecay, decays = () => true } = this.#options;
    const rate = learningRate * rateFactor;
    state.step++;
    const stepSize = rate / (1 - BETA1 ** state.step);
    const rootCorrection = Math.sqrt(1 - BETA2 ** state.step);
    for (const [name, parameter] of parameters) {
      const gradient = gradients.get(name) as Float32Array;
      const firsts = state.m.get(name) as Float32Array;
      const seconds = state.v.get(name) as Float32Array;
      const keep = decays(name) ? 1 - rate * weightDecay : 1;
      for (let i = 0; i < parameter.length; i++) {
        const g = gradient[i] as number;
        const m = BETA1 * (firsts[i] as number) + (1 - BETA1) * g;
        const v = BETA2 * (seconds[i] as number) + (1 - BETA2) * g * g;
        firsts[i] = m;
        seconds[i] = v;
        parameter[i] =
          (parameter[i] as number) * keep - (stepSize * m) / (Math.sqrt(v) / rootCorrection + EPSILON);
      }
    }
  }
}
