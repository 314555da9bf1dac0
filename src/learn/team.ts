/** @file The policies that learn together, as the rounds see them: one policy for any adapters, loaded when it is asked for. */
import type { Policy } from "../design/policy.js";
import type { Adapters } from "./member.js";

export interface Team {
  /**
   * The team with these adapters; what was loaded and is not needed is closed.
   * @param only - one member alone, as `decentralised` collects; what works apart is judged as an ensemble
   */
  policy(adapters: Adapters, only?: string): Promise<Policy>;
  /** Closes all models: training wants their memory. */
  release(): Promise<void>;
}
