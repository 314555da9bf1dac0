/**
 * @file How many calls may start per second at a server that refuses some of them with 429.
 *
 * Refusals come from a limit (fewer starts, fewer refusals) or from chance and overload elsewhere (the same share whatever
 * we do). Which it is shows after a cut to what got through: the share falls, or stays. Only a limit slows us down.
 */

/** Verdicts wait for this many outcomes and this long, and a trial for as many as should show six refusals. */
const OUTCOMES = 12;
const MAX_OUTCOMES = 64;
const MIN_WINDOW_MS = 1000;
/** Part of the way from the share that a limit would leave to the share before the cut. */
const SAME_SHARE = 0.6;
const CLEARLY_BELOW = 0.7;
/** A server that refuses nearly everything has closed, whatever the reason. */
const CLOSED_SHARE = 0.85;
const UNLIKELY = 0.02;
/** Growth per second while there is a limit, doubled with each window without a cut: one that was raised is found. */
const GROWTH_PER_SECOND = 0.05;
const MAX_DOUBLINGS = 2;
/** Part of a pace without refusals that a single cut leaves. */
const KEPT_OF_CALM = 0.9;
/** Multiple of the pace of the calls that come above which a limit is forgotten. */
const FORGET_ABOVE = 4;
const MIN_PER_SECOND = 1 / 30;
/** Part of the pace of answers that any cut leaves, and the time over which it is averaged, ms. */
const KEPT_OF_AVERAGE = 0.8;
const FLOOR_MS = 60_000;

export class Pace {
  readonly #ceiling: number;
  #perSecond: number;
  /** Starts, outcomes and refusals of calls since the last verdict. */
  #since = 0;
  #starts = 0;
  #outcomes = 0;
  #refused = 0;
  #needed = OUTCOMES;
  /** Share and pace before the cut that is on trial. */
  #trial: { share: number; pace: number } | undefined;
  /** Share refused whatever the pace. */
  #usualShare = 0;
  /** Windows without a cut, one after the other. */
  #calm = 0;
  /** Starts per second of the last of them under a limit; 0 once it was cut to. */
  #calmPace = 0;
  /** A trial showed that refusals do not depend on the pace. */
  #isRandom = false;
  #answersPerSecond = 0;
  #lastAnswerAt = 0;
  #firstStartAt: number | undefined;
  #refusedInARow = 0;
  /** Most of them since the last verdict. */
  #longestRow = 0;
  #lastCountedAt = Number.NEGATIVE_INFINITY;

  /** @param ceiling - most starts per second; Infinity for none */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
    this.#perSecond = ceiling;
  }

  /** Starts per second that are allowed now; Infinity without a limit. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** Whether calls that start while a refused one waits are known to be answered. */
  get isOpenToOthers(): boolean {
    return this.#isRandom || this.#trial !== undefined || this.#perSecond < this.#ceiling;
  }

  started(now: number): void {
    this.#firstStartAt ??= now;
    this.#starts++;
  }

  /** A call that started at `startedAt` was not refused for its pace; both in ms of one monotonic clock. */
  answered(startedAt: number, now: number): void {
    this.#refusedInARow = 0;
    const faded = Math.exp((this.#lastAnswerAt - now) / FLOOR_MS);
    this.#answersPerSecond = this.#answersPerSecond * faded + 1000 / FLOOR_MS;
    this.#lastAnswerAt = now;
    this.#note(startedAt, now, false);
  }

  /**
   * A call that started at `startedAt` met a 429.
   * @returns how many rounds of calls more than usual were refused one after the other without any answer
   */
  refused(startedAt: number, now: number): number {
    // Calls under way at the same time are one round.
    if (startedAt > this.#lastCountedAt) {
      this.#lastCountedAt = now;
      this.#longestRow = Math.max(this.#longestRow, ++this.#refusedInARow);
    }
    this.#note(startedAt, now, true);
    return Math.max(0, this.#refusedInARow - (this.#isRandom ? 4 : this.isOpenToOthers ? 1 : 0));
  }

  #note(startedAt: number, now: number, isRefused: boolean): void {
    // What started under another pace says nothing about this one.
    if (startedAt < this.#since) return;
    this.#outcomes++;
    if (isRefused) this.#refused++;
    if (this.#outcomes >= this.#needed && now >= this.#since + MIN_WINDOW_MS) this.#judge(now);
  }

  #judge(now: number): void {
    const share = this.#refused / this.#outcomes;
    const usual = this.#isRandom ? this.#usualShare * this.#outcomes : 0;
    const isMore = this.#refused > 1 + usual + 3 * Math.sqrt(usual * (1 - this.#usualShare));
    const seconds = (now - this.#since) / 1000;
    const pace = this.#starts / seconds;
    const trial = this.#trial;
    const isWorse = trial !== undefined && this.#isWorse(share, trial.share);
    this.#needed = OUTCOMES;
    if (trial !== undefined && !isWorse && isSame(this.#refused, share, pace, trial)) {
      this.#isRandom = true;
      this.#usualShare = (share + trial.share) / 2;
      this.#trial = undefined;
      this.#needed = MAX_OUTCOMES / 2;
      this.#perSecond = this.#ceiling;
    } else if (isMore) {
      this.#isRandom = false;
      this.#needed = Math.min(MAX_OUTCOMES, Math.max(8, Math.ceil(6 / share)));
      const through = (pace * (this.#outcomes - this.#refused + 0.5)) / (this.#outcomes + 1);
      const known = trial === undefined ? KEPT_OF_CALM * this.#calmPace : 0;
      const floor = isWorse || trial === undefined || share > CLOSED_SHARE ? this.#floor(now) : 0;
      this.#perSecond = Math.min(this.#perSecond, Math.max(through, known, floor, MIN_PER_SECOND));
      // A limit that shows only now, such as after a burst, or that lets more through than it seemed, is tried from here.
      const seemed = trial === undefined ? 0 : trial.pace * (1 - trial.share);
      if (isWorse || through > 1.2 * seemed || (trial?.share ?? 1) > CLOSED_SHARE)
        this.#trial = { share, pace };
      this.#calm = 0;
      this.#calmPace = 0;
    } else {
      this.#trial = undefined;
      if (this.#isRandom) {
        this.#needed = MAX_OUTCOMES / 2;
        this.#usualShare = Math.min(this.#usualShare, (this.#usualShare + share) / 2);
        this.#set(2 * this.#perSecond, pace);
      } else {
        const growth = GROWTH_PER_SECOND * 2 ** Math.min(this.#calm++, MAX_DOUBLINGS) * Math.min(seconds, 5);
        this.#calmPace = this.#perSecond < this.#ceiling ? pace : 0;
        this.#set(this.#perSecond * (1 + growth), pace);
      }
    }
    this.#since = now;
    this.#starts = 0;
    this.#outcomes = 0;
    this.#refused = 0;
    this.#longestRow = 0;
  }

  /** Whether chance with the share of before would hardly refuse as many, or as many rounds in a row. */
  #isWorse(share: number, before: number): boolean {
    const spread = Math.sqrt((before * (1 - before)) / this.#outcomes);
    const row = 1 + Math.log(UNLIKELY) / Math.log(before);
    return share > Math.min(CLOSED_SHARE, before + 0.05 + 3 * spread) || this.#longestRow > row;
  }

  /** Most of the answers per second over the last minute, or since the first start. */
  #floor(now: number): number {
    const faded = Math.exp((this.#lastAnswerAt - now) / FLOOR_MS);
    return (
      (KEPT_OF_AVERAGE * this.#answersPerSecond * faded) /
      (1 - Math.exp(((this.#firstStartAt ?? now) - now - 1000) / FLOOR_MS))
    );
  }

  /** A limit far above the pace that is asked for is forgotten. */
  #set(perSecond: number, pace: number): void {
    const isForgotten = (this.#isRandom || this.#calm > 2) && perSecond > FORGET_ABOVE * pace;
    this.#perSecond = isForgotten ? this.#ceiling : Math.min(perSecond, this.#ceiling);
  }
}

/** Whether refusals go on at a pace at which a limit would have let all or more of them through. */
function isSame(
  refused: number,
  share: number,
  pace: number,
  before: { share: number; pace: number },
): boolean {
  const through = before.pace * (1 - before.share);
  if (before.share > CLOSED_SHARE) return false;
  if (pace < CLEARLY_BELOW * through) return refused >= 3;
  const ifLimited = Math.max(0, 1 - through / pace);
  return ifLimited < before.share / 2 && share > ifLimited + SAME_SHARE * (before.share - ifLimited);
}
