/** @file Tuplets: p notes in the time of q, for the next r notes. */
import { AbcError, type AbcPlace } from "./abc-error.js";
import { type Fraction, fraction } from "./fraction.js";

export const TUPLET = /^\((\d)(?::(\d?)(?::(\d{0,2}))?)?/;

/** @source ABC notation standard 2.1, section 4.13; 0 = 3 in compound meters, else 2 */
const IN_THE_TIME_OF: Readonly<Record<number, number>> = { 2: 3, 3: 2, 4: 3, 5: 0, 6: 2, 7: 0, 8: 3, 9: 0 };

export class AbcTuplet {
  readonly place: AbcPlace;
  readonly #factor: Fraction;
  /** Notes still to come. */
  left: number;

  constructor([text, p = "", q = "", r = ""]: RegExpExecArray, isCompound: boolean, place: AbcPlace) {
    const notes = Number(p);
    const usual = IN_THE_TIME_OF[notes];
    if (usual === undefined || q === "0" || /^0+$/.test(r))
      throw new AbcError(`there is no tuplet ${text}`, place);
    this.place = place;
    this.#factor = fraction(q === "" ? usual || (isCompound ? 3 : 2) : Number(q), notes);
    this.left = r === "" ? notes : Number(r);
  }

  /** The factor of the next note. */
  take(): Fraction {
    this.left--;
    return this.#factor;
  }

  get isFull(): boolean {
    return this.left <= 0;
  }
}
