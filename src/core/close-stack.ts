/** @file Things to close again: in the reverse order of their opening, and all of them, also when one of them fails. */

export class CloseStack {
  #closers: (() => Promise<void> | void)[] = [];

  /** Notes how to close something that was just opened. */
  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /**
   * Closes everything that was noted; a second call finds nothing left.
   * @throws the only error, or an AggregateError with all of them in the order they came
   */
  async close(): Promise<void> {
    const closers = this.#closers.reverse();
    this.#closers = [];
    const errors: unknown[] = [];
    for (const close of closers) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, "several things could not be closed");
    if (errors.length === 1) throw errors[0];
  }
}
