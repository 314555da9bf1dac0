/** @file Family: short paragraphs of facts, and a question that needs two or three of them one after the other. */
import type { Random } from "../../core/random.js";
import { type FamilyDefinition, PEOPLE, scaled } from "./family.js";

type EntityType = "person" | "town" | "river" | "lake" | "good" | "animal";

const NAMES: Readonly<Record<EntityType, readonly string[]>> = {
  person: PEOPLE,
  town: "Arden Belmora Crestwick Dorvale Eskham Fenwold Gralton Hollin Inverby Jesmond".split(" "),
  river: ["Alune", "Brisk", "Corrow", "Dessel", "Elver", "Fallow", "Gannet"],
  lake: ["Amber", "Birch", "Crane", "Drift", "Ember"],
  good: ["cheese", "glass", "honey", "rope", "paper", "bells", "boats"],
  animal: ["goat", "parrot", "donkey", "ferret", "heron", "tortoise"],
};

/** A fact ties a subject to exactly one object, so that a chain of them has one end. */
interface Relation {
  from: EntityType;
  to: EntityType;
  fact(subject: string, object: string): string;
  /** The object as a noun phrase. */
  phrase(subject: string): string;
  /** Question that asks for the object. */
  question(subject: string): string;
}

const RELATIONS = {
  lives: {
    from: "person",
    to: "town",
    fact: (a, b) => `${a} lives in ${b}.`,
    phrase: (a) => `the town where ${a} lives`,
    question: (a) => `In which town does ${a} live?`,
  },
  taught: {
    from: "person",
    to: "person",
    fact: (a, b) => `${b} taught ${a} the trade.`,
    phrase: (a) => `the person who taught ${a}`,
    question: (a) => `Who taught ${a} the trade?`,
  },
  keeps: {
    from: "person",
    to: "animal",
    fact: (a, b) => `${a} keeps a ${b}.`,
    phrase: (a) => `the animal of ${a}`,
    question: (a) => `Which animal does ${a} keep?`,
  },
  mayor: {
    from: "town",
    to: "person",
    fact: (a, b) => `The mayor of ${a} is ${b}.`,
    phrase: (a) => `the mayor of ${a}`,
    question: (a) => `Who is the mayor of ${a}?`,
  },
  river: {
    from: "town",
    to: "river",
    fact: (a, b) => `${a} stands on the river ${b}.`,
    phrase: (a) => `the river of ${a}`,
    question: (a) => `On which river does ${a} stand?`,
  },
  known: {
    from: "town",
    to: "good",
    fact: (a, b) => `${a} is known for its ${b}.`,
    phrase: (a) => `the pride of ${a}`,
    question: (a) => `What is ${a} known for?`,
  },
  ends: {
    from: "river",
    to: "lake",
    fact: (a, b) => `The ${a} ends in Lake ${b}.`,
    phrase: (a) => `the lake of ${a}`,
    question: (a) => `In which lake does ${a} end?`,
  },
} as const satisfies Record<string, Relation>;

type RelationName = keyof typeof RELATIONS;

interface Fact {
  relation: RelationName;
  subject: string;
  object: string;
}

interface MultiHopProblem {
  chain: Fact[];
  /** All facts as they are told, those of the chain among them. */
  facts: Fact[];
}

const SENTENCES_PER_PARAGRAPH = 3;
/** Wrong ends of the last hop, so that reading the wrong line gives an answer of the right kind. */
const RIVAL_ENDS = 2;

function relationsFrom(type: EntityType): RelationName[] {
  return (Object.keys(RELATIONS) as RelationName[]).filter((name) => RELATIONS[name].from === type);
}

/** Relations one after the other; the last one may end anywhere, the others where it goes on. */
function drawPath(random: Random, hops: number): RelationName[] {
  for (;;) {
    const path: RelationName[] = [random.pick([...relationsFrom("person"), ...relationsFrom("town")])];
    while (path.length < hops) {
      const next = relationsFrom(RELATIONS[path.at(-1)!].to);
      if (next.length === 0) break;
      path.push(random.pick(next));
    }
    if (path.length === hops) return path;
  }
}

function sentence({ relation, subject, object }: Fact): string {
  return RELATIONS[relation].fact(subject, object);
}

export const multiHop: FamilyDefinition<MultiHopProblem> = {
  name: "multi-hop",
  title: "Multi-hop reading (generated)",
  kind: "qa",
  metric: "f1",
  description:
    "Short paragraphs of facts and a question that needs two or three of them one after the other. The answer is a name or a word from the text.",
  version: 1,

  make(random, difficulty) {
    const path = drawPath(random, difficulty < 0.45 ? 2 : 3);
    const used = new Set<string>();
    const fresh = (type: EntityType): string => {
      const name = random.pick(NAMES[type].filter((candidate) => !used.has(candidate)));
      used.add(name);
      return name;
    };
    let subject = fresh(RELATIONS[path[0]!].from);
    const chain = path.map((relation): Fact => {
      const object = fresh(RELATIONS[relation].to);
      const fact = { relation, subject, object };
      subject = object;
      return fact;
    });
    const facts = [...chain];
    const answer = chain.at(-1)!.object;
    const add = (relation: RelationName) => {
      const { from, to } = RELATIONS[relation];
      const isTold = (name: string) =>
        facts.some((fact) => fact.relation === relation && fact.subject === name);
      const subjects = NAMES[from].filter((name) => !isTold(name) && name !== answer);
      if (subjects.length === 0) return;
      const name = random.pick(subjects);
      const objects = NAMES[to].filter((object) => object !== answer && object !== name);
      facts.push({ relation, subject: name, object: random.pick(objects) });
    };
    for (let i = 0; i < RIVAL_ENDS; i++) add(path.at(-1)!);
    const others = scaled(difficulty, 2, 8);
    for (let i = 0; i < others; i++)
      add(random.pick(random.chance(0.7) ? path : (["lives", "mayor", "keeps"] as const)));
    return { chain, facts: random.shuffle(facts) };
  },

  solve({ chain }) {
    return {
      answer: chain.at(-1)!.object,
      steps: chain.map(
        ({ relation, subject, object }) => `${RELATIONS[relation].phrase(subject)} = ${object}`,
      ),
      facts: chain.map(sentence),
    };
  },

  slips({ chain, facts }) {
    const last = chain.at(-1)!;
    const rivals = facts.filter(
      ({ relation, object }) => relation === last.relation && object !== last.object,
    );
    // The wrong line, then stopping one hop early.
    return [...rivals.map(({ object }) => object), last.subject].slice(0, 4);
  },

  render({ chain, facts }) {
    const last = chain.at(-1)!;
    const inner = chain
      .slice(0, -1)
      .reduce<string>((phrase, { relation }) => RELATIONS[relation].phrase(phrase), chain[0]!.subject);
    const count = Math.ceil(facts.length / SENTENCES_PER_PARAGRAPH);
    const paragraphs = Array.from({ length: count }, (_, index) => {
      const start = index * SENTENCES_PER_PARAGRAPH;
      return facts
        .slice(start, start + SENTENCES_PER_PARAGRAPH)
        .map(sentence)
        .join(" ");
    });
    return { question: RELATIONS[last.relation].question(inner), context: paragraphs.join("\n\n") };
  },
};
