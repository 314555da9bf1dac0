/** @file Are the bars of a tune full? A pickup and what completes it are no mistakes. */
import type { AbcBar, AbcTune } from "./abc-tune.js";
import { add, compare, equals, fractionText } from "./fraction.js";

/** A bar that is not as long as its meter says. */
export interface BadBar {
  /** From 1, as one counts while reading. */
  number: number;
  reason: string;
}

/** Repeat signs and double lines, which a tune's parts begin and end with. */
const SECTION_MARK = /:|\|\||\[\||\|\]/;

/**
 * A bar is complete when its events last as long as the meter says. A shorter one is complete too when it
 * - is the first of the tune (pickup), or
 * - begins or ends a part (at a repeat sign, a double line or the tune's end) and together with the short bar at the other
 *   end of the part, or across the mark, fills one bar.
 * Without a meter every bar is complete.
 */
export function badBars({ bars }: Pick<AbcTune, "bars">): BadBar[] {
  const parts = partsOf(bars);
  const bad: BadBar[] = [];
  for (const [index, bar] of bars.entries()) {
    const { length: wanted } = bar.meter;
    if (!wanted || equals(bar.length, wanted)) continue;
    const isShort = compare(bar.length, wanted) < 0;
    if (isShort && (index === 0 || isCompleted(index, bars, parts))) continue;
    bad.push({
      number: index + 1,
      reason: `bar ${index + 1} (line ${bar.line}) lasts ${fractionText(bar.length)} instead of ${fractionText(wanted)}`,
    });
  }
  return bad;
}

interface Part {
  first: number;
  last: number;
}

function partsOf(bars: readonly AbcBar[]): Part[] {
  const parts: Part[] = [];
  let first = 0;
  for (const [index, bar] of bars.entries()) {
    if (!SECTION_MARK.test(bar.closing) && index < bars.length - 1) continue;
    parts.push({ first, last: index });
    first = index + 1;
  }
  return parts;
}

function isCompleted(index: number, bars: readonly AbcBar[], parts: readonly Part[]): boolean {
  const at = parts.findIndex(({ first, last }) => index >= first && index <= last);
  const part = parts[at] as Part;
  const partners: number[] = [];
  // A part may be repeated from the tune's beginning, whose pickup then follows its last bar.
  if (index === part.last) partners.push(part.first, 0, index + 1);
  if (index === part.first) partners.push(part.last, index - 1);
  const bar = bars[index] as AbcBar;
  return partners.some((other) => {
    const partner = bars[other];
    if (!partner || other === index || !bar.meter.length) return false;
    return equals(add(bar.length, partner.length), bar.meter.length);
  });
}
