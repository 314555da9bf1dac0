/** @file Second solvers of the generated families: they read the rendered text and work by brute force. */
import type { GeneratedProblem } from "../../src/tasks/families/family.js";

type Shown = Pick<GeneratedProblem, "question" | "context" | "choices">;

const NUMBER = "(\\d+(?:\\.\\d+)?)";

function all(text: string, pattern: string): string[][] {
  return [...text.matchAll(new RegExp(pattern, "g"))].map((match) => [...match]);
}

function wordProblems({ question }: Shown): string {
  const [, person, start] = /^(\w+) has (\d+)/.exec(question)!;
  let amount = Number(start);
  for (const sentence of question.split(/(?<=[.?]) /).slice(1)) {
    const numbers = all(sentence, "\\d+").map(([text]) => Number(text));
    if (sentence.includes("only watches") || sentence.startsWith("How many")) continue;
    if (sentence.startsWith("An aunt")) amount += amount;
    else if (!sentence.startsWith(person!)) throw new Error(sentence);
    else if (sentence.includes(" buys ")) for (let i = 0; i < numbers[0]!; i++) amount += numbers[1]!;
    else if (sentence.includes("gives away")) amount -= numbers[0]!;
    else if (sentence.includes(" finds ")) amount += numbers[0]!;
    else {
      const word = /gives (half|a third|a quarter|a fifth) of/.exec(sentence)![1]!;
      const parts = ["half", "a third", "a quarter", "a fifth"].indexOf(word) + 2;
      amount = (amount / parts) * (parts - 1);
    }
  }
  return String(amount);
}

function shopping({ question }: Shown): string {
  let mills = 0n;
  for (const [, quantity, dollars, cents] of all(question, "(\\d+) [a-z ]+ at \\$(\\d+)\\.(\\d\\d) per")) {
    mills += BigInt(quantity!) * (BigInt(dollars!) * 1000n + BigInt(cents!) * 10n);
  }
  const coupon = /takes (\d+)% off/.exec(question);
  if (coupon) mills -= (mills * BigInt(coupon[1]!)) / 100n;
  const paid = /pays with \$(\d+)/.exec(question);
  if (paid) mills = BigInt(paid[1]!) * 1000n - mills;
  return String(Number(mills) / 1000);
}

/** Everything in the smallest unit named, by names instead of sizes. */
const SIZES: Readonly<Record<string, number>> = {
  millimetre: 0.001,
  centimetre: 0.01,
  metre: 1,
  kilometre: 1000,
  gram: 0.001,
  kilogram: 1,
  tonne: 1000,
  second: 1,
  minute: 60,
  hour: 60 * 60,
  day: 24 * 60 * 60,
  millilitre: 0.001,
  centilitre: 0.01,
  litre: 1,
};

function unitConversion({ question }: Shown): string {
  const [told, ask] = question.split(/How many /) as [string, string];
  const body = told.replace(/The same happens \d+ times\./, "");
  let sum = 0;
  for (const [, value, unit] of all(body, `${NUMBER} (\\w+?)s?\\b(?![a-z])`))
    sum += Number(value) * SIZES[unit!]!;
  const times = Number(/happens (\d+) times/.exec(told)?.[1] ?? 1);
  const target = SIZES[/^(\w+?)s is that/.exec(ask)![1]!]!;
  return String(Number(((sum * times) / target).toFixed(6)));
}

function clockCalendar({ question }: Shown): string {
  const time = /(?:From|at exactly) (\d\d):(\d\d)/.exec(question);
  if (time) {
    const date = new Date(Date.UTC(2001, 5, 15, Number(time[1]), Number(time[2])));
    const sign = question.includes("did it all begin") ? -1 : 1;
    const stages = question.split(". Write")[0]!;
    for (const [, hours] of all(stages, "(\\d+) hours?"))
      date.setUTCHours(date.getUTCHours() + sign * Number(hours));
    for (const [, minutes] of all(stages, "(\\d+) minutes?")) {
      date.setUTCMinutes(date.getUTCMinutes() + sign * Number(minutes));
    }
    return date.toISOString().slice(11, 16);
  }
  const format = (date: Date, options: Intl.DateTimeFormatOptions) =>
    date.toLocaleDateString("en-US", { timeZone: "UTC", ...options });
  const weekday = /^Today is (\w+day)\. .* (\d+) days( ago)?\?$/.exec(question);
  if (weekday) {
    const date = new Date(Date.UTC(2001, 0, 1));
    while (format(date, { weekday: "long" }) !== weekday[1]) date.setUTCDate(date.getUTCDate() + 1);
    date.setUTCDate(date.getUTCDate() + (weekday[3] ? -1 : 1) * Number(weekday[2]));
    return format(date, { weekday: "long" });
  }
  const [, start, days] = /^Today is (\w+ \d+) of .* is it (\d+) days later/.exec(question)!;
  const date = new Date(`${start}, 2001 UTC`);
  date.setUTCDate(date.getUTCDate() + Number(days));
  return format(date, { month: "long", day: "numeric" });
}

function tableLookup({ question, context }: Shown): string {
  const [head, ...lines] = context!.split("\n").map((text) => text.split(" | "));
  const rows = lines.map((cells) => new Map(head!.map((name, index) => [name, cells[index]!])));
  const rowOf = (place: string) => rows.find((row) => row.get("place") === place)!;
  const cell = /^How many (\w+) does (\w+) have\?$/.exec(question);
  if (cell) return rowOf(cell[2]!).get(cell[1]!)!;
  const difference = /numbers of (\w+) of (\w+) and (\w+) differ/.exec(question);
  if (difference) {
    const [, column, a, b] = difference;
    return String(Math.abs(Number(rowOf(a!).get(column!)) - Number(rowOf(b!).get(column!))));
  }
  const zone = / (\w+) zone/.exec(question)?.[1];
  const chosen = rows.filter((row) => zone === undefined || row.get("zone") === zone);
  const sum = /^How many (\w+) do the places/.exec(question);
  if (sum) return String(chosen.map((row) => Number(row.get(sum[1]!))).reduce((a, b) => a + b));
  const [, which, column] = /^Which place has the (most|fewest) (\w+)/.exec(question)!;
  const values = chosen.map((row) => Number(row.get(column!)));
  const wanted = which === "most" ? Math.max(...values) : Math.min(...values);
  return chosen[values.indexOf(wanted)]!.get("place")!;
}

function stringTransform({ question }: Shown): string {
  const [, word, list] = /string "(\w+)" and do this in order: (.*)\. What/.exec(question)!;
  let letters = word!.split("");
  for (const told of list!.split("; ")) {
    const by = Number(/(?:first|one|divisible by) (\d+)/.exec(told)?.[1]);
    if (told.includes("backwards")) letters = letters.map((_, index) => letters[letters.length - 1 - index]!);
    else if (told.includes("vowel")) letters = letters.filter((letter) => !"aeiou".includes(letter));
    else if (told.includes("to the end")) for (let i = 0; i < by; i++) letters.push(letters.shift()!);
    else if (told.includes("swap")) {
      const first = letters[0]!;
      letters[0] = letters[letters.length - 1]!;
      letters[letters.length - 1] = first;
    } else if (told.includes("alphabetical"))
      letters = "abcdefghijklmnopqrstuvwxyz"
        .split("")
        .flatMap((letter) => letters.filter((other) => other === letter));
    else if (told.includes("replace")) {
      const alphabet = "abcdefghijklmnopqrstuvwxyz";
      letters = letters.map((letter) => `${alphabet}${alphabet}`[alphabet.indexOf(letter) + by]!);
    } else if (told.includes("divisible")) {
      for (let position = Math.floor(letters.length / by) * by; position > 0; position -= by)
        letters.splice(position - 1, 1);
    } else if (told.includes("twice")) letters.unshift(letters[0]!);
    else throw new Error(told);
  }
  return letters.join("");
}

function counting({ question }: Shown): string {
  const letter = /letter "(\w)" occur in "(.*)"/.exec(question);
  if (letter) return String([...letter[2]!].filter((other) => other === letter[1]).length);
  const range = /from (\d+) to (\d+), both included, (.*)\?/.exec(question);
  if (range) {
    const [divisor, not] = all(range[3]!, "\\d+").map(([text]) => Number(text));
    let count = 0;
    for (let number = Number(range[1]); number <= Number(range[2]); number++) {
      if (range[3]!.startsWith("contain")) {
        for (let rest = number; rest > 0; rest = Math.floor(rest / 10)) {
          if (rest % 10 !== divisor) continue;
          count++;
          break;
        }
      } else if (number % divisor! === 0 && (not === undefined || number % not !== 0)) count++;
    }
    return String(count);
  }
  const club = /(?:a club|each of (\d+) separate clubs) of (\d+) people/.exec(question);
  if (club) {
    let shakes = 0;
    for (let c = 0; c < Number(club[1] ?? 1); c++) {
      for (let i = 0; i < Number(club[2]); i++) for (let j = i + 1; j < Number(club[2]); j++) shakes++;
    }
    return String(shakes);
  }
  const [, shirts, trousers, hats] = /(\d+) shirts, (\d+) trousers and (\d+) hats?/
    .exec(question)!
    .map(Number);
  let forbidden = Number(/(\d+) of the pairs/.exec(question)?.[1] ?? 0);
  let outfits = 0;
  for (let s = 0; s < shirts!; s++) {
    for (let t = 0; t < trousers!; t++) {
      if (forbidden-- > 0) continue;
      for (let h = 0; h < hats!; h++) outfits++;
    }
  }
  return String(outfits);
}

/** From the shown terms alone where they decide, checking the stated rule on the way. */
function sequences({ question }: Shown): string {
  const terms = /begins ([\d, ]+), …/.exec(question)![1]!.split(", ").map(Number);
  const asked = Number(/term number (\d+)/.exec(question)?.[1] ?? terms.length + 1);
  const gaps = terms.slice(1).map((term, index) => term - terms[index]!);
  const same = (list: readonly number[]) => list.every((value) => value === list[0]);
  const next = (): number => {
    const last = terms.at(-1)!;
    if (question.includes("sum of the two")) return last + terms.at(-2)!;
    if (question.includes("times")) {
      // The factor and the constant from two neighbouring differences.
      const factor = gaps[1]! / gaps[0]!;
      return last * factor + (terms[1]! - terms[0]! * factor);
    }
    if (question.includes("in turn")) return last + gaps[(terms.length - 1) % 2]!;
    if (same(gaps)) return last + gaps[0]!;
    const growth = gaps.slice(1).map((gap, index) => gap - gaps[index]!);
    if (!same(growth)) throw new Error(question);
    return last + gaps[0]! + growth[0]! * (terms.length - 1);
  };
  while (terms.length < asked) terms.push(next());
  return String(terms[asked - 1]);
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, index) =>
    permutations(list.filter((_, i) => i !== index)).map((rest) => [first, ...rest]),
  );
}

function ordering({ question, choices }: Shown): string {
  const direct = all(question, "(\\w+) stands directly to the left of (\\w+)\\.");
  const loose = all(question, "(\\w+) stands somewhere to the left of (\\w+)\\.");
  const fitting = permutations(choices!).filter(
    (order) =>
      direct.every(([, a, b]) => order.indexOf(b!) === order.indexOf(a!) + 1) &&
      loose.every(([, a, b]) => order.indexOf(a!) < order.indexOf(b!)),
  );
  if (fitting.length !== 1) throw new Error(`${fitting.length} orders fit: ${question}`);
  const place = ["first", "second", "third", "fourth", "fifth", "sixth"].indexOf(
    /Who is (\w+) from/.exec(question)![1]!,
  );
  return String.fromCharCode(65 + choices!.indexOf(fitting[0]![place]!));
}

function swaps({ question, choices }: Shown): string {
  const holds = new Map(
    all(question, "(\\w+) has the (\\w+) ball").map(([, person, ball]) => [person!, ball!]),
  );
  for (const [, a, b] of all(question, "(\\w+) and (\\w+) swap\\.")) {
    const kept = holds.get(a!)!;
    holds.set(a!, holds.get(b!)!);
    holds.set(b!, kept);
  }
  const asked = /ball of (\w+) at/.exec(question)![1]!;
  return String.fromCharCode(65 + choices!.indexOf(holds.get(asked)!));
}

/** Facts as a graph, the question peeled from outside in. */
function multiHop({ question, context }: Shown): string {
  const known = new Map<string, string>();
  const tell = (relation: string, subject: string, object: string) => {
    if (known.has(`${relation} ${subject}`)) throw new Error(`told twice: ${relation} ${subject}`);
    known.set(`${relation} ${subject}`, object);
  };
  for (const [, a, b] of all(context!, "(\\w+) lives in (\\w+)\\.")) tell("lives", a!, b!);
  for (const [, a, b] of all(context!, "(\\w+) taught (\\w+) the trade\\.")) tell("taught", b!, a!);
  for (const [, a, b] of all(context!, "(\\w+) keeps a (\\w+)\\.")) tell("keeps", a!, b!);
  for (const [, a, b] of all(context!, "The mayor of (\\w+) is (\\w+)\\.")) tell("mayor", a!, b!);
  for (const [, a, b] of all(context!, "(\\w+) stands on the river (\\w+)\\.")) tell("river", a!, b!);
  for (const [, a, b] of all(context!, "(\\w+) is known for its (\\w+)\\.")) tell("known", a!, b!);
  for (const [, a, b] of all(context!, "The (\\w+) ends in Lake (\\w+)\\.")) tell("ends", a!, b!);
  const FORMS: [RegExp, string][] = [
    [/^In which town does (.*) live\?$/, "lives"],
    [/^Who taught (.*) the trade\?$/, "taught"],
    [/^Which animal does (.*) keep\?$/, "keeps"],
    [/^Who is the mayor of (.*)\?$/, "mayor"],
    [/^On which river does (.*) stand\?$/, "river"],
    [/^What is (.*) known for\?$/, "known"],
    [/^In which lake does (.*) end\?$/, "ends"],
    [/^the town where (.*) lives$/, "lives"],
    [/^the person who taught (.*)$/, "taught"],
    [/^the mayor of (.*)$/, "mayor"],
    [/^the river of (.*)$/, "river"],
  ];
  const resolve = (text: string): string => {
    for (const [form, relation] of FORMS) {
      const inner = form.exec(text)?.[1];
      if (inner === undefined) continue;
      const object = known.get(`${relation} ${resolve(inner)}`);
      if (object === undefined) throw new Error(`not told: ${text}`);
      return object;
    }
    return text;
  };
  return resolve(question);
}

/** What each thing is, by a word of the kind that is asked for. */
const THINGS: Readonly<Record<string, string>> = {
  animal: "horse rabbit whale eagle spider frog camel beaver",
  fruit: "apple cherry banana plum grape mango pear lemon",
  tool: "hammer saw screwdriver drill pliers chisel wrench file",
  clothing: "shirt scarf coat sock glove skirt sweater belt",
  instrument: "violin flute drum trumpet piano harp guitar oboe",
  vehicle: "bus bicycle truck ferry tram van train canoe",
  body: "elbow knee ear thumb shoulder ankle nose chin",
  furniture: "chair wardrobe sofa desk shelf bed stool bench",
};

const onlyLetter = (isRight: readonly boolean[]): string => {
  if (isRight.filter(Boolean).length !== 1) throw new Error("not one option is right");
  return String.fromCharCode(65 + isRight.indexOf(true));
};

function kinds({ question, choices }: Shown): string {
  const kind = Object.keys(THINGS).find((word) => question.includes(word))!;
  return onlyLetter(choices!.map((thing) => THINGS[kind]!.split(" ").includes(thing)));
}

/** A word that only people with this job are told of with. */
const SIGNS: Readonly<Record<string, string>> = {
  baker: "bread",
  nurse: "hospital",
  mechanic: "engines",
  teacher: "fractions",
  farmer: "wheat",
  pilot: "planes",
  tailor: "sews",
  lawyer: "court",
  gardener: "hedges",
  fisherman: "nets",
};

function jobs({ question, choices }: Shown): string {
  const [, job] = /Who is the (\w+)\?$/.exec(question)!;
  const sentence = question.split(". ").find((one) => one.includes(SIGNS[job!]!))!;
  return onlyLetter(choices!.map((person) => sentence.startsWith(`${person} `)));
}

function reviews({ question, choices }: Shown): string {
  const bad = /never|nothing was|rude|waste|warned|before the end|money back|spoiled/i.test(question);
  return onlyLetter(choices!.map((feeling) => (feeling === "negative") === bad));
}

export const INDEPENDENT_SOLVERS: Readonly<Record<string, (shown: Shown) => string>> = {
  "word-problems": wordProblems,
  shopping,
  "unit-conversion": unitConversion,
  "clock-calendar": clockCalendar,
  "table-lookup": tableLookup,
  "string-transform": stringTransform,
  counting,
  sequences,
  ordering,
  swaps,
  "multi-hop": multiHop,
  kinds,
  jobs,
  reviews,
};
