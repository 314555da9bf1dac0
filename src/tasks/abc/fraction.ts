/** @file Exact fractions: lengths of notes and bars, in whole notes. */

/** Fraction in lowest terms, denominator above 0. */
export interface Fraction {
  readonly n: number;
  readonly d: number;
}

export const ZERO: Fraction = { n: 0, d: 1 };

/** @throws {RangeError} when the denominator is 0 or the numbers are too large to stay exact. */
export function fraction(n: number, d = 1): Fraction {
  if (d === 0 || !Number.isSafeInteger(n) || !Number.isSafeInteger(d)) throw new RangeError(`${n}/${d}`);
  const divisor = gcd(Math.abs(n), Math.abs(d)) * Math.sign(d);
  return { n: n / divisor || 0, d: d / divisor };
}

export function add(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.d + b.n * a.d, a.d * b.d);
}

export function multiply(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.n, a.d * b.d);
}

/** Order of two fractions, as for sort(): below 0, 0 or above 0. */
export function compare(a: Fraction, b: Fraction): number {
  return a.n * b.d - b.n * a.d;
}

export function equals(a: Fraction, b: Fraction): boolean {
  return a.n === b.n && a.d === b.d;
}

/** `3/8`; a whole number without its denominator. */
export function fractionText({ n, d }: Fraction): string {
  return d === 1 ? String(n) : `${n}/${d}`;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a || 1 : gcd(b, a % b);
}
