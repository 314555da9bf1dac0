/** @file Tunes and fragments in ABC notation with their bars worked out by hand: pitches as MIDI numbers, lengths as fractions. */
import { describe, expect, test } from "vitest";
import type { AbcTune } from "../../../src/tasks/abc/abc-tune.js";
import { badBars } from "../../../src/tasks/abc/bad-bars.js";
import { add, fraction, fractionText } from "../../../src/tasks/abc/fraction.js";
import { parseAbc } from "../../../src/tasks/abc/parse-abc.js";

/** `60+64:1/4 z:1/8` – one text a bar. */
function shownBars({ bars }: AbcTune): string[] {
  return bars.map(({ events }) =>
    events
      .map(
        ({ pitches, length, isTied }) =>
          `${pitches.length === 0 ? "z" : pitches.join("+")}:${fractionText(length)}${isTied ? "-" : ""}`,
      )
      .join(" "),
  );
}

const tune = (music: string, { M = "4/4", L = "1/4", K = "C" } = {}) =>
  parseAbc(`X:1\nT:Test\n${M === "" ? "" : `M:${M}\n`}${L === "" ? "" : `L:${L}\n`}K:${K}\n${music}\n`);

type Fields = { M?: string; L?: string; K?: string };
/** Name, music, fields, bars. */
const GOOD: [string, string, Fields, string[]][] = [
  ["the scale", "CDEF|GABc|", {}, ["60:1/4 62:1/4 64:1/4 65:1/4", "67:1/4 69:1/4 71:1/4 72:1/4"]],
  ["octave marks", "C,C c c'|", {}, ["48:1/4 60:1/4 72:1/4 84:1/4"]],
  ["marks that undo each other", "c, C'|", {}, ["60:1/4 72:1/4"]],
  ["whole numbers", "C2D2|E4|", {}, ["60:1/2 62:1/2", "64:1"]],
  [
    "halves and quarters",
    "C/D/E/2F/2 G//A// B/4c/4|",
    {},
    ["60:1/8 62:1/8 64:1/8 65:1/8 67:1/16 69:1/16 71:1/16 72:1/16"],
  ],
  ["dotted lengths", "C3/2D/ E3|", { M: "none" }, ["60:3/8 62:1/8 64:3/4"]],
  ["accidentals", "^C_D=E^^F|__G", {}, ["61:1/4 61:1/4 64:1/4 67:1/4", "65:1/4"]],
  [
    "an accidental holds to the bar line",
    "^F F f =F|F",
    { M: "none" },
    ["66:1/4 66:1/4 78:1/4 65:1/4", "65:1/4"],
  ],
  ["signature of G", "F2 f2|", { K: "G" }, ["66:1/2 78:1/2"]],
  ["signature of Bb", "B E A B|", { K: "Bb" }, ["70:1/4 63:1/4 69:1/4 70:1/4"]],
  ["E minor is G", "F4|", { K: "Em" }, ["66:1"]],
  ["D dorian is C", "F2C2|", { K: "D dorian" }, ["65:1/2 60:1/2"]],
  ["A mixolydian is D", "F C G2|", { K: "AMix" }, ["66:1/4 61:1/4 67:1/2"]],
  ["F# minor is A", "F C G D|", { K: "F#m" }, ["66:1/4 61:1/4 68:1/4 62:1/4"]],
  ["a signature with an extra sharp", "G F2 G|", { K: "Am ^G" }, ["68:1/4 65:1/2 68:1/4"]],
  ["only the named accidentals", "F C B2|", { K: "D exp ^f _B" }, ["66:1/4 60:1/4 70:1/2"]],
  ["clef and no key", "C4|", { K: "none clef=bass" }, ["60:1"]],
  ["rests seen and unseen", "z C x2|", {}, ["z:1/4 60:1/4 z:1/2"]],
  ["rests of whole bars", "Z|Z2|C3|", { M: "3/4" }, ["z:3/4", "z:3/4", "z:3/4", "60:3/4"]],
  [
    "chords",
    "[CEG]2 [C2E2G2] |[ce]/[df]/ [^F_A]3|",
    {},
    ["60+64+67:1/2 60+64+67:1/2", "72+76:1/8 74+77:1/8 66+68:3/4"],
  ],
  ["a chord with its own and a common length", "[C2G2]2|", {}, ["60+67:1"]],
  ["ties", "C4-|C2 [CE]2-|[CE]4|", {}, ["60:1-", "60:1/2 60+64:1/2-", "60+64:1"]],
  ["broken rhythm", "C>D E<F|", {}, ["60:3/8 62:1/8 64:1/8 65:3/8"]],
  [
    "doubly and triply broken",
    "C>>D E<<F|C>>>D z2|",
    {},
    ["60:7/16 62:1/16 64:1/16 65:7/16", "60:15/32 62:1/32 z:1/2"],
  ],
  ["broken with spaces and grace notes", "C > {e}D E2|", {}, ["60:3/8 62:1/8 64:1/2"]],
  [
    "triplets",
    "(3CDE (3C2D2E2 F|",
    { L: "1/8", M: "none" },
    ["60:1/12 62:1/12 64:1/12 60:1/6 62:1/6 64:1/6 65:1/8"],
  ],
  ["a triplet with a rest and a chord", "(3Cz[EG] z3|", {}, ["60:1/6 z:1/6 64+67:1/6 z:3/4"]],
  [
    "duplet and quadruplet in 6/8",
    "(2CD (4EFGA|",
    { M: "6/8", L: "1/8" },
    ["60:3/16 62:3/16 64:3/32 65:3/32 67:3/32 69:3/32"],
  ],
  [
    "quintuplet in 4/4 and in 6/8",
    "(5CDEFG|[M:6/8](5CDEFG|",
    {},
    ["60:1/10 62:1/10 64:1/10 65:1/10 67:1/10", "60:3/20 62:3/20 64:3/20 65:3/20 67:3/20"],
  ],
  ["tuplets spelt out", "(3:2:2C2D (3::4CDEF|", { M: "none" }, ["60:1/3 62:1/6 60:1/6 62:1/6 64:1/6 65:1/6"]],
  ["triplet with broken rhythm", "(3C>DE z2|", {}, ["60:1/4 62:1/12 64:1/6 z:1/2"]],
  [
    "grace notes, decorations and chord symbols have no length",
    '"Am"{ga}!trill!.C ~D "^slow"TE vF|',
    {},
    ["60:1/4 62:1/4 64:1/4 65:1/4"],
  ],
  ["slurs and spacers", "(C(D E)y2F)|", {}, ["60:1/4 62:1/4 64:1/4 65:1/4"]],
  ["bar lines of all kinds", "|:C4:|:D4::E4||F4|]", {}, ["60:1", "62:1", "64:1", "65:1"]],
  ["endings", "|:C4|1D4:|2E4|[1F4:|[2 G4|]", {}, ["60:1", "62:1", "64:1", "65:1", "67:1"]],
  [
    "a change of meter, length and key",
    "C4|[M:3/4][L:1/8]C6|[K:G]F6|\nM:2/4\nL:1/4\nF2|",
    {},
    ["60:1", "60:3/4", "66:3/4", "66:1/2"],
  ],
  [
    "lyrics, comments and a line that goes on",
    "CD\\\nEF| % four\nw: do re mi fa\n% nothing\nG4|",
    {},
    ["60:1/4 62:1/4 64:1/4 65:1/4", "67:1"],
  ],
  ["an eighth where no length is given", "CDEF|", { L: "" }, ["60:1/8 62:1/8 64:1/8 65:1/8"]],
  ["a sixteenth in short bars", "C8|", { L: "", M: "2/4" }, ["60:1/2"]],
  ["no meter at all", "C9|", { L: "", M: "" }, ["60:9/8"]],
  ["a comment sign in a text", '"50% more"C4|', {}, ["60:1"]],
  ["the line does not end the bar", "CD\nEF|", {}, ["60:1/4 62:1/4 64:1/4 65:1/4"]],
];

describe("what tunes come to", () => {
  test.each(GOOD)("%s", (_name, music, fields, bars) => {
    expect(shownBars(tune(music, fields))).toEqual(bars);
  });

  test("a whole tune: header, title, windows line ends, the rest of the text left out", () => {
    const text =
      "X:7\r\nT:The Lamp\r\nT:Its Second Name\r\nC:trad.\r\nM:6/8\r\nK:D % bright\r\nfed|d3 A3|]\r\n\r\nThat was the tune.";
    const read = parseAbc(text);
    expect(read).toMatchObject({
      title: "The Lamp\nIts Second Name",
      key: { name: "D" },
      meter: { text: "6/8" },
    });
    expect(read.unit).toEqual(fraction(1, 8));
    expect(shownBars(read)).toEqual(["78:1/8 76:1/8 74:1/8", "74:3/8 69:3/8"]);
    expect(read.bars.map(({ closing }) => closing)).toEqual(["|", "|]"]);
  });
});

/** Name, whole text or music, what the message says. */
const BAD: [string, string, RegExp][] = [
  ["nothing", "", /^line 1, column 1: .*X:/],
  ["a refusal", "I'm sorry, I cannot write music.", /line 1, column 1: .*X:/],
  ["a fence", "```abc\nX:1\nK:C\nC\n```", /line 1, column 1/],
  ["no key", "X:1\nT:A\nM:4/4\nCDEF|", /line 4, column 1: expected a field/],
  ["a header cut off", "X:1\nT:A", /no K:/],
  ["an empty line in the header", "X:1\nT:A\n\nK:C\nC", /line 3.*empty line/],
  ["a number that is none", "X:one\nK:C\nC", /line 1, column 3: X: needs a number/],
  ["no notes", "X:1\nK:C\n", /no note/],
  ["no such key", "X:1\nK:H\nC", /line 2, column 3.*key "H"/],
  ["no such mode", "X:1\nK:Cfoo\nC", /mode "foo"/],
  ["a signature beyond seven", "X:1\nK:G#\nC", /no signature/],
  ["no such meter", "X:1\nM:fast\nK:C\nC", /line 2, column 3.*meter/],
  ["a meter over nothing", "X:1\nM:4/0\nK:C\nC", /meter/],
  ["no such length", "X:1\nL:0/8\nK:C\nC", /note length/],
  ["a letter that is no note", "X:1\nK:C\nCDEQ|", /line 3, column 4: "Q"/],
  ["words", "X:1\nK:C\nthe end", /line 3, column 1/],
  ["a chord left open", "X:1\nK:C\n[CE G|", /column 1: \[ is not closed/],
  ["a word in a chord", "X:1\nK:C\n[CxE]|", /column 3: "x"/],
  ["an empty chord", "X:1\nK:C\n[]|", /chord without notes/],
  ["a text left open", 'X:1\nK:C\n"Am C|', /not closed/],
  ["grace notes left open", "X:1\nK:C\n{ga C|", /not closed/],
  ["a length of nothing", "X:1\nK:C\nC0|", /length of 0/],
  ["a length over nothing", "X:1\nK:C\nC/0|", /length of/],
  ["an endless length", "X:1\nK:C\nC99999|", /length of 99999/],
  ["a broken rhythm before anything", "X:1\nK:C\n>C|", /column 1: > needs a note before/],
  ["a broken rhythm across a bar line", "X:1\nK:C\nC>|D", /column 2: a broken rhythm/],
  ["a broken rhythm at the end", "X:1\nK:C\nC<", /column 2: a broken rhythm/],
  ["a tuplet without its notes", "X:1\nK:C\nC (3DE", /column 3: a tuplet lacks 1/],
  ["a tuplet in a tuplet", "X:1\nK:C\n(3C(3DEF", /tuplet begins inside/],
  ["a tuplet of one", "X:1\nK:C\n(1C", /no tuplet/],
  ["a tie to nothing", "X:1\nK:C\n-C", /tie/],
  ["bars of rest without a meter", "X:1\nK:C\nZ2|", /needs a meter/],
  ["two voices", "X:1\nK:C\nV:2\nC", /line 3.*voices/],
  ["a second tune without a space", "X:1\nK:C\nC|\nX:2\nK:C\nC|", /line 4.*second X:/],
  ["a single colon", "X:1\nK:C\nD C:D", /column 4: ":"/],
  ["far too long", `X:1\nK:C\n${"C".repeat(20_001)}`, /longer than/],
];

describe("what is no tune, and where", () => {
  test.each(BAD)("%s", (_name, text, message) => {
    expect(() => parseAbc(text)).toThrow(message);
  });
});

/** Name, music, fields, numbers of the bars that are not full. */
const BARS: [string, string, Fields, number[]][] = [
  ["all full", "CDEF|G4|C2D2|]", {}, []],
  ["one too short, one too long", "CDEF|GAB|c5|C4|]", {}, [2, 3]],
  ["a pickup and the bar that completes it", "G|CDEF|G3|]", {}, []],
  ["a pickup alone", "G|CDEF|G4|]", {}, []],
  ["a last bar that completes nothing", "G|CDEF|G2|]", {}, [3]],
  ["a short last bar without a pickup", "CDEF|G3|]", {}, [2]],
  ["repeated parts, each with its pickup", "|:G|CDEF|E3:|:A|GFED|C3:|", {}, []],
  ["a bar cut in two by a repeat sign", "CDEF|G2:|:G2|CDEF|]", {}, []],
  ["cut in two by a plain bar line", "CDEF|G2|G2|CDEF|]", {}, [2, 3]],
  ["endings that complete the pickup", "|:G|CDEF|1E3:|2C3|]", {}, []],
  ["triplets fill exactly", "(3CDE (3FGA (3Bcd C|", { L: "1/8", M: "7/8" }, []],
  ["broken rhythm keeps the sum", "C>D E<F|G>>A B2|]", {}, []],
  ["no meter, no wrong bar", "C|CDEFGABc|C7|", { M: "none" }, []],
  ["C is four quarters, C| too", "CDEF|\nM:C|\nCDEF|CDE|C4|", { M: "C" }, [3]],
  ["a new meter counts from its bar on", "CDEF|[M:3/4]CDE|CDEF|", {}, [3]],
  ["one bar alone may be short", "CD|]", {}, []],
  ["one bar alone may not be long", "CDEFG|]", {}, [1]],
];

describe("full bars", () => {
  test.each(BARS)("%s", (_name, music, fields, numbers) => {
    expect(badBars(tune(music, fields)).map(({ number }) => number)).toEqual(numbers);
  });

  test("the reason names bar, line and both lengths", () => {
    expect(badBars(tune("CDEF|\nGAB|CDEF|"))[0]?.reason).toBe("bar 2 (line 7) lasts 3/4 instead of 1");
  });
});

describe("fractions", () => {
  test("lowest terms, signs, refusals", () => {
    expect(fraction(6, -8)).toEqual({ n: -3, d: 4 });
    expect(fraction(0, 5)).toEqual({ n: 0, d: 1 });
    expect(add(fraction(1, 12), fraction(1, 6))).toEqual({ n: 1, d: 4 });
    expect(() => fraction(1, 0)).toThrow(RangeError);
    expect(() => fraction(2 ** 53, 3)).toThrow(RangeError);
  });
});
