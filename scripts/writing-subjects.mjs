/** @file Subjects and constraints of datasets/creative-writing; in order train, validation, test. */

const words = (min, max) => ({ min, max });

/** 6 a split. */
export const STORIES = [
  // train
  {
    about: "a lighthouse keeper who finds a letter in a bottle",
    words: words(60, 120),
    require: ["bottle", "tide", "lamp"],
    pointOfView: "third",
  },
  {
    about: "a child who repairs an old clock",
    words: words(50, 110),
    require: ["clock", "spring"],
    forbid: ["broken"],
    pointOfView: "first",
  },
  {
    about: "two neighbours who share one apple tree",
    sentences: 6,
    require: ["fence", "apple"],
    quotes: { min: 2 },
  },
  {
    about: "the last bus of the night",
    words: words(60, 120),
    paragraphs: 2,
    startsWith: "The last bus",
    pointOfView: "third",
  },
  {
    about: "a baker who has run out of salt",
    sentences: words(4, 7),
    forbid: ["bread", "oven"],
    require: ["salt"],
  },
  {
    about: "a walk through a market in the rain",
    words: words(50, 110),
    pointOfView: "second",
    require: ["umbrella", "oranges"],
  },
  // validation
  {
    about: "a ferryman who hears a stranger singing",
    words: words(60, 120),
    require: ["river", "oar", "song"],
    pointOfView: "third",
  },
  {
    about: "a girl who teaches a crow to count",
    words: words(50, 110),
    require: ["crow", "seven"],
    pointOfView: "first",
  },
  {
    about: "a letter that arrives forty years late",
    sentences: 6,
    require: ["envelope", "stamp"],
    forbid: ["love"],
  },
  {
    about: "a power cut in a tall building",
    words: words(60, 120),
    paragraphs: 2,
    require: ["stairs", "candle"],
    quotes: { min: 1 },
  },
  {
    about: "a gardener who plants seeds nobody can name",
    sentences: words(4, 7),
    endsWith: "and then it bloomed.",
    pointOfView: "third",
  },
  {
    about: "the first morning in a new town",
    words: words(50, 110),
    pointOfView: "second",
    require: ["key", "window"],
  },
  // test
  {
    about: "a mountain guide who loses the path in fog",
    words: words(60, 120),
    require: ["rope", "bell", "fog"],
    pointOfView: "third",
  },
  {
    about: "a boy who keeps a diary for his dog",
    words: words(50, 110),
    require: ["diary", "tail"],
    forbid: ["bark"],
    pointOfView: "first",
  },
  {
    about: "a library that opens only at midnight",
    sentences: 6,
    require: ["key", "shelf"],
    quotes: { min: 2 },
  },
  {
    about: "a violin left on a train",
    words: words(60, 120),
    paragraphs: 2,
    startsWith: "Nobody noticed",
    pointOfView: "third",
  },
  {
    about: "a fisherman who throws everything back",
    sentences: words(4, 7),
    forbid: ["fish"],
    require: ["net", "silver"],
  },
  {
    about: "waiting for snow on a warm day",
    words: words(50, 110),
    pointOfView: "second",
    require: ["coat", "roof"],
  },
];

/** 6 a split. */
export const POEMS = [
  // train
  { about: "a river in winter", lines: 5, acrostic: "RIVER" },
  { about: "an empty railway station", stanzas: 2, linesPerStanza: 4, require: ["platform", "echo"] },
  { about: "the sea at night", lines: 8, wordsPerLine: words(3, 9), forbid: ["blue", "wave"] },
  { about: "a small kitchen", stanzas: 3, linesPerStanza: 3, refrain: true },
  { about: "an old map", lines: 6, startsWith: "I unfold", require: ["north", "ink"] },
  { about: "wind in a field of wheat", lines: words(4, 8), withoutLetter: "z", wordsPerLine: words(4, 8) },
  // validation
  { about: "the moon over a harbour", lines: 4, acrostic: "MOON" },
  { about: "a closed theatre", stanzas: 2, linesPerStanza: 4, require: ["curtain", "dust"] },
  { about: "autumn leaves on a pond", lines: 8, wordsPerLine: words(3, 9), forbid: ["red", "gold"] },
  { about: "a road to the coast", stanzas: 3, linesPerStanza: 3, refrain: true },
  { about: "a broken teacup", lines: 6, startsWith: "Once it held", require: ["handle", "glue"] },
  { about: "a cat on a warm wall", lines: words(4, 8), withoutLetter: "q", wordsPerLine: words(4, 8) },
  // test
  { about: "stars above a farm", lines: 5, acrostic: "STARS" },
  { about: "a bridge in the morning", stanzas: 2, linesPerStanza: 4, require: ["iron", "mist"] },
  { about: "the first day of summer", lines: 8, wordsPerLine: words(3, 9), forbid: ["sun", "warm"] },
  { about: "a lullaby for a traveller", stanzas: 3, linesPerStanza: 3, refrain: true },
  { about: "a key without a door", lines: 6, startsWith: "Somewhere a lock", require: ["rust", "pocket"] },
  { about: "bees in a lavender bush", lines: words(4, 8), withoutLetter: "x", wordsPerLine: words(4, 8) },
];

const tune = (title, key, meter, bars, lowest, highest, more = {}) => ({
  title,
  tune: { key, meter, bars, lowest, highest, ...more },
});

/** 4 a split. */
export const TUNES = [
  // train
  tune("The Green Gate", "G", "4/4", 8, "D", "g", { endsOnTonic: true }),
  tune("Rain on the Roof", "D", "6/8", 8, "A,", "a", { repeats: true }),
  tune("The Miller's Daughter", "C", "3/4", 8, "C", "c'", { endsOnTonic: true }),
  tune("Evening Bell", "Am", "4/4", { min: 4, max: 8 }, "A,", "e"),
  // validation
  tune("The Open Road", "G", "4/4", 8, "D", "b", { repeats: true }),
  tune("Harbour Lights", "D", "3/4", 8, "D", "a", { endsOnTonic: true }),
  tune("The Quiet Mouse", "C", "2/4", 8, "C", "c", { endsOnTonic: true }),
  tune("Long Shadows", "Em", "6/8", { min: 4, max: 8 }, "B,", "g"),
  // test
  tune("The Stone Bridge", "G", "6/8", 8, "D", "b", { endsOnTonic: true }),
  tune("Snow in March", "D", "4/4", 8, "A,", "a", { repeats: true }),
  tune("The Tall Ship", "C", "6/8", 8, "C", "c'", { endsOnTonic: true }),
  tune("Winter Lamp", "Dm", "3/4", { min: 4, max: 8 }, "D", "d'"),
];
