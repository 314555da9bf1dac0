/** @file Made-up task cards and items: what the nano model reads beside the generated families. */

const NAMES =
  "Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jonas Kira Leo Mina Nils Olga Paul Rosa Sven Tara Uma Vera Will Yara Zoe".split(
    " ",
  );
const THINGS =
  "apples books boxes bottles buttons cards chairs coins cups eggs flowers keys lamps letters marbles pages pears pencils plates shells shirts stamps stones tickets tiles trees walls wheels".split(
    " ",
  );
const PLACES =
  "the market|the school|the harbour|the old mill|the library|the farm|the station|the garden|the small shop|the second floor".split(
    "|",
  );
const WORDS =
  "amber basket candle dragon engine forest garden hammer island jacket kettle ladder market needle orange pillow quartz ribbon silver tunnel velvet window yellow zebra north south east west early late".split(
    " ",
  );
/** Words of other alphabets: items of real tasks have them, and a model that never met them loses its thread. */
const FOREIGN =
  "über größe zahl jede école été garçon niño años cuántos señora più città così quanti книга число сколько осталось день 日 本 学 校 数 多 少 何 人 ছয় সংখ্যা মোট కాదు ఎన్ని จำนวน เท่าไร ทั้งหมด siku ngapi kila αριθμός πόσα".split(
    " ",
  );
const COMMON =
  "about after again all also always and any because before between both bring build call can carry change close cut draw each early ease even every face fact far few find follow form full give good ground group grow half hand head help high hold home how just keep kind know last late learn leave less light line list live long look make many mean might more most move much must need never next note now off often old once only open order other over own page part people place plan play point put read real rest right round same say second see set show side since small some soon sound stand start stay step still stop such take talk tell than them there these thing think this time together too try turn under until upon use very wait want water way well what when where which while who why with word work world would write year young".split(
    " ",
  );
const UNITS = "metres|litres|minutes|dollars|grams|hours|kilometres|percent|pages|points".split("|");

const SUBJECTS = {
  number:
    "travel times|recipes|water tanks|wages|sports scores|library fines|garden beds|ages|coin collections|ticket sales|bus passengers|rainfall|paint and walls|battery charge|savings|factory output|fractions|percentages|perimeters|dice sums|remainders|digit sums|speed and distance|mixtures|exchange rates|interest|averages|prime numbers|areas of rooms|work rates|number riddles|weights on a scale",
  choice:
    "family relations|seating plans|liars and truth tellers|grammar mistakes|synonyms|coloured boxes|directions on a map|card games|hidden balls|odd one out|science facts|order of events|logic grids|opposites|rankings|schedules|true statements|matching pairs|habits of animals|who owns what",
  text: "word reversals|anagrams|names in a list|dates|places in a passage|abbreviations|rhymes|file paths|sorted words|initials|capital cities|reading passages|time zones|letter codes|menus|short tables|weekdays|secret words|missing words|plurals",
  code: "string functions|list functions|number functions|counting functions|date functions|sorting functions|parsing functions|matrix functions",
};
const SUBJECT_LISTS = Object.fromEntries(
  Object.entries(SUBJECTS).map(([kind, text]) => [kind, text.split("|")]),
);

const TITLES = [
  "{S}",
  "{S} (generated)",
  "{S}, mixed",
  "Questions about {s}",
  "{S} puzzles (generated)",
  "{S} problems",
  "Exercises on {s}",
];
const OPENINGS = [
  "Questions about {s} with several steps.",
  "Short problems about {s}; some facts do not matter.",
  "Items about {s}, from easy to hard.",
  "Everyday questions about {s}.",
  "A few sentences about {s} and one question.",
  "{S} in plain words; the last one is asked.",
  "Puzzles on {s}, told as short stories.",
];
const CLOSINGS = {
  number: [
    "The answer is one whole number.",
    "The answer is a number without the unit.",
    "The answer is a number such as 12.5.",
    "One number is asked.",
    "",
  ],
  choice: [
    "The answer is the letter of one option.",
    "One of the options is right.",
    "Exactly one option fits.",
    "",
  ],
  text: [
    "The answer is a word.",
    "The answer is the resulting string.",
    "The answer is a name from the text.",
    "The answer is a date such as May 3.",
    "A short phrase is asked.",
    "",
  ],
  code: ["The answer is one function.", "A function has to be written.", ""],
};

const CLAUSES = [
  (r) => `${r.pick(NAMES)} has ${number(r)} ${r.pick(THINGS)}.`,
  (r) => `${r.pick(NAMES)} gives ${number(r)} of them to ${r.pick(NAMES)}.`,
  (r) => `Each of the ${r.pick(THINGS)} costs ${number(r)} dollars.`,
  (r) => `A train leaves at ${clock(r)} and needs ${number(r)} minutes.`,
  (r) => `Then ${r.pick(NAMES)} and ${r.pick(NAMES)} change places.`,
  (r) => `At ${r.pick(PLACES)} there are ${number(r)} ${r.pick(THINGS)} and ${number(r)} ${r.pick(THINGS)}.`,
  (r) => `${r.pick(NAMES)} is older than ${r.pick(NAMES)}.`,
  (r) => `${r.pick(NAMES)} buys ${number(r)} ${r.pick(THINGS)} and gets a discount of ${number(r)} percent.`,
  (r) => `The word is "${r.pick(WORDS)}".`,
  (r) => `First the letters are reversed, then every ${r.pick(["a", "e", "o", "r"])} is taken out.`,
  (r) => `${number(r)} ${r.pick(UNITS)} are added to ${number(r)} ${r.pick(UNITS)}.`,
  (r) => `Half of the ${r.pick(THINGS)} are ${r.pick(["red", "blue", "green", "broken", "new"])}.`,
  (r) => `The list is ${[1, 2, 3, 4].map(() => r.pick(WORDS)).join(", ")}.`,
  (r) => `The numbers are ${[1, 2, 3, 4, 5].map(() => number(r)).join(", ")}.`,
  (r) => `${r.pick(NAMES)} says that ${r.pick(NAMES)} was at ${r.pick(PLACES)}.`,
  (r) => `A ${r.pick(["tank", "box", "room", "field", "road"])} is ${number(r)} ${r.pick(UNITS)} long.`,
  (r) => `${r.pick(NAMES)} only watches.`,
  (r) => `${sentence(r, COMMON)}.`,
  (r) =>
    r.chance(0.4)
      ? `${sentence(r, FOREIGN)}.`
      : `${sentence(r, [...COMMON, ...WORDS])}, ${sentence(r, COMMON)}.`,
  (r) =>
    `On ${r.pick(["Monday", "Tuesday", "Friday", "Sunday"])} ${r.pick(NAMES)} walks ${number(r)} ${r.pick(UNITS)}.`,
];
const ASKED = {
  number: [
    (r) => `How many ${r.pick(THINGS)} are left?`,
    (r) => `How many ${r.pick(THINGS)} does ${r.pick(NAMES)} have in the end?`,
    (r) => `How many ${r.pick(UNITS)} is that in all?`,
    () => "What is the sum?",
    () => "Which number comes next?",
    (r) => `How much does ${r.pick(NAMES)} pay, in dollars?`,
  ],
  choice: [
    () => "Which of these is true?",
    (r) => `Who stands next to ${r.pick(NAMES)}?`,
    (r) => `What does ${r.pick(NAMES)} have at the end?`,
    (r) => `Which word means the same as "${r.pick(WORDS)}"?`,
    () => "Which one comes first?",
  ],
  text: [
    () => "What is the result?",
    (r) => `Where was ${r.pick(NAMES)}?`,
    () => "Which word is it?",
    (r) => `At what time does ${r.pick(NAMES)} arrive?`,
    () => "What is the name of the place?",
  ],
  code: [
    (r) => `Write a function that counts the ${r.pick(THINGS)} in a list.`,
    (r) => `Write a function that returns every word that starts with "${r.pick(WORDS).slice(0, 2)}".`,
    (r) => `Write a function that adds ${number(r)} to each number of a list.`,
  ],
};

/** A task card of the given answer kind: title and description. */
export function makeCard(random, answer) {
  const subject = random.pick(SUBJECT_LISTS[answer]);
  const fill = (text) =>
    text.replace("{s}", subject).replace("{S}", subject[0].toUpperCase() + subject.slice(1));
  const description = `${fill(random.pick(OPENINGS))} ${random.pick(CLOSINGS[answer])}`.trim();
  return { title: fill(random.pick(TITLES)), description, answer };
}

/** Items of a made-up task: no true answers are needed, since nobody solves them. */
export function makeSamples(random, answer, hasContext, count) {
  return Array.from({ length: count }, (_, index) => {
    const clauses = Array.from({ length: random.integer(1, 4) }, () => random.pick(CLAUSES)(random));
    const asked = random.pick(ASKED[answer])(random);
    const split = hasContext ? clauses.length : 0;
    return {
      id: `made-up/${index}`,
      question: [...clauses.slice(split), asked].join(" "),
      ...(hasContext ? { context: clauses.join(" ") } : {}),
      ...(answer === "choice" ? { choices: [1, 2, 3, 4].map(() => random.pick(WORDS)) } : {}),
      answers: answer === "code" ? [] : [makeAnswer(random, answer)],
      meta: {},
    };
  });
}

/** An answer of the kind, right or wrong. */
export function makeAnswer(random, answer) {
  if (answer === "choice") return random.pick(["A", "B", "C", "D"]);
  if (answer === "number") return number(random);
  return random.chance(0.2) ? clock(random) : random.pick([...WORDS, ...NAMES]);
}

function sentence(random, words) {
  return Array.from({ length: random.integer(3, 12) }, () => random.pick(words)).join(" ");
}

function number(random) {
  const size = random.pick([10, 100, 1000]);
  const value = random.integer(1, size);
  return random.chance(0.1) ? (value / 4).toFixed(2) : String(value);
}

function clock(random) {
  const two = (value) => String(value).padStart(2, "0");
  return `${two(random.integer(0, 23))}:${two(random.integer(0, 59))}`;
}
