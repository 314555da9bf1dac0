/** @file AdamW with decoupled weight decay over named flat arrays. */
import { ConfigError, InternalError } from "../../core/errors.js";

export interface AdamWOptions {
  /** Above 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay of the running means of g and g², each from 0 to below 1. Default 0.9 and 0.999. */
  betas?: readonly [first: number, second: number] | undefined;
  /** Added to the root of the second mean; above 0. Default 1e-8. */
  epsilon?: number | undefined;
  /** Share of a parameter that is taken off per update, times the learning rate; 0 or more. Default 0.01. */
  weightDecay?: number | undefined;
  /** Which parameters decay. Default all. */
  decays?: ((name: string) => boolean) | undefined;
}

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
  readonly #learningRate: number;
  readonly #betas: readonly [first: number, second: number];
  readonly #epsilon: number;
  readonly #weightDecay: number;
  readonly #decays: (name: string) => boolean;

  /** @throws {ConfigError} on options out of range */
  constructor(options: AdamWOptions = {}) {
    this.#learningRate = options.learningRate ?? 1e-3;
    this.#betas = options.betas ?? [0.9, 0.999];
    this.#epsilon = options.epsilon ?? 1e-8;
    this.#weightDecay = options.weightDecay ?? 0.01;
    this.#decays = options.decays ?? (() => true);
    const isPositive = (value: number) => Number.isFinite(value) && value > 0;
    if (!isPositive(this.#learningRate)) {
      throw new ConfigError(`the learning rate is ${this.#learningRate}, expected a number above 0`);
    }
    const badBeta = this.#betas.find((beta) => !(beta >= 0 && beta < 1));
    if (badBeta !== undefined) throw new ConfigError(`a beta of AdamW is ${badBeta}, expected 0 to below 1`);
    if (!isPositive(this.#epsilon)) {
      throw new ConfigError(`AdamW's epsilon is ${this.#epsilon}, expected a number above 0`);
    }
    if (this.#weightDecay !== 0 && !isPositive(this.#weightDecay)) {
      throw new ConfigError(`the weight decay is ${this.#weightDecay}, expected 0 or more`);
    }
  }

  /** The state before the first update: all zeros. */
  init(parameters: ReadonlyMap<string, Float32Array>): AdamWState {
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
    const [beta1, beta2] = this.#betas;
    const rate = this.#learningRate * rateFactor;
    state.step++;
    const stepSize = rate / (1 - beta1 ** state.step);
    const rootCorrection = Math.sqrt(1 - beta2 ** state.step);
    const epsilon = this.#epsilon;
    for (const [name, parameter] of parameters) {
      const gradient = gradients.get(name) as Float32Array;
      const firsts = state.m.get(name) as Float32Array;
      const seconds = state.v.get(name) as Float32Array;
      const keep = this.#decays(name) ? 1 - rate * this.#weightDecay : 1;
      for (let i = 0; i < parameter.length; i++) {
        const g = gradient[i] as number;
        const m = beta1 * (firsts[i] as number) + (1 - beta1) * g;
        const v = beta2 * (seconds[i] as number) + (1 - beta2) * g * g;
        firsts[i] = m;
        seconds[i] = v;
        parameter[i] =
          (parameter[i] as number) * keep - (stepSize * m) / (Math.sqrt(v) / rootCorrection + epsilon);
      }
    }
  }
}
