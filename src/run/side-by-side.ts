/** @file Episodes side by side: another one begins where nobody is writing. */
import PQueue from "p-queue";
import { linkedController } from "../llm/clock.js";

/** As many conversations as a local model keeps the evaluated prompts of. */
const MOST_AT_ONCE = 16;

/** Place of an episode among those that are played at the same time. */
export interface Seat {
  /** Aborted where one has failed, or the run is: in all of them nothing new starts, and what is in flight may finish. */
  stop: AbortController;
  /** Asks the weak model, which is asked one thing at a time, in the order of asking. */
  write<T>(ask: () => Promise<T>): Promise<T>;
  /** Runs jobs on the executor. */
  evaluate<T>(work: () => Promise<T>): Promise<T>;
}

/** Seat of an episode that is played alone. */
export function alone(signal?: AbortSignal): Seat {
  return {
    stop: linkedController(signal).controller,
    write: (ask) => ask(),
    evaluate: (work) => work(),
  };
}

/**
 * Plays episodes that know nothing of each other, some at once: the next one begins when the weak model has nothing to write.
 * So neither it nor the executor waits for the other, and episodes end together: one that begins late plays its last turns
 * alone, and the few jobs of a single race leave most slots of an executor idle. What an episode comes to does not depend
 * on which others are open.
 * @param count - number of episodes
 * @param signal - ends them all
 * @returns what each of them gave, in their order
 * @throws the error of the first that failed, once all open ones have ended; further ones do not begin
 */
export async function playSideBySide<T>(
  count: number,
  signal: AbortSignal | undefined,
  play: (index: number, seat: Seat) => Promise<T>,
): Promise<T[]> {
  const { controller: stop, unlink } = linkedController(signal);
  const table = new Table(stop);
  const results: T[] = [];
  const open: Promise<void>[] = [];
  try {
    for (let index = 0; index < count && !stop.signal.aborted; index++) {
      const episode = table.seat(async (seat) => {
        results[index] = await play(index, seat);
      });
      // An error aborts `stop`. It is thrown once all of them have ended, since what they write to must stay open till then.
      open.push(episode.catch(() => {}));
      if (index + 1 < count) await table.hasRoom();
    }
    await Promise.all(open);
    stop.signal.throwIfAborted();
    return results;
  } finally {
    unlink();
  }
}

/** The episodes that are open, and which of them are writing. */
class Table {
  readonly #stop: AbortController;
  readonly #writing = new PQueue({ concurrency: 1 });
  #open = 0;
  /** Begun, and still on the way to asking the weak model, or to the first jobs where an earlier session asked it. */
  #beginning = 0;
  #tellRoom: (() => void) | undefined;

  constructor(stop: AbortController) {
    this.#stop = stop;
  }

  async seat<T>(play: (seat: Seat) => Promise<T>): Promise<T> {
    this.#open++;
    this.#beginning++;
    let isBeginning = true;
    const begun = () => {
      if (isBeginning) this.#beginning--;
      isBeginning = false;
    };
    try {
      return await play({
        stop: this.#stop,
        write: (ask) => {
          begun();
          return this.#writing.add(ask).finally(() => this.#changed());
        },
        evaluate: (work) => {
          begun();
          this.#changed();
          return work();
        },
      });
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    } finally {
      begun();
      this.#open--;
      this.#changed();
    }
  }

  /** Resolves when another episode can use what is idle, or when nothing is left to wait for. */
  async hasRoom(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#tellRoom = resolve;
      this.#changed();
    });
    this.#tellRoom = undefined;
  }

  /** Between two steps of an episode nothing of it is busy: it is looked at once the steps that follow at once are taken. */
  #changed(): void {
    if (this.#tellRoom) setImmediate(() => this.#isIdle() && this.#tellRoom?.());
  }

  #isIdle(): boolean {
    if (this.#open === 0 || this.#stop.signal.aborted) return true;
    const isWriting = this.#beginning + this.#writing.pending + this.#writing.size > 0;
    return !isWriting && this.#open < MOST_AT_ONCE;
  }
}
