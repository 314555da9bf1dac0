/** @file Workflow designs as data: drawn, changed, described in one sentence, and written in the subset's own words. */
import { problemTemplate, READ_REPLY, STATE_FORMAT } from "../../dist/workflow/answer-kind.js";
import { Gbnf } from "../../dist/workflow/gbnf.js";
import { programRequest, READ_RUN } from "../../dist/workflow/grammar/program-bodies.js";
import { extractWorkflow } from "../../dist/workflow/reading/extract-workflow.js";
import { canForce, subsetGrammar } from "../../dist/workflow/subset-grammar.js";
import { TECHNIQUES, techniqueNames } from "../../dist/workflow/techniques.js";

const phrasesOf = (name) => TECHNIQUES.find((technique) => technique.name === name).phrases;

/**
 * Shares of a fresh draw. Plain designs are the rule and good ones the exception, so that rewards have something to
 * teach: a model that only knew good designs could not show that it learnt.
 */
export const SHARES = {
  bodies: { single: 0.64, json: 0.08, vote: 0.09, check: 0.09, "check-vote": 0.02, weak: 0.12, program: 0.1 },
  /** Shapes that are drawn from the grammar as a whole, by their technique; together. */
  drawn: 0.12,
  steps: 0.12,
  plan: 0.08,
  "careful-reading": 0.07,
  format: 0.45,
  free: 0.35,
  /** Of the free sentences: those that forbid the model to think. */
  bareFree: 0.3,
  temperature: 0.5,
  role: 0.15,
  /** Candidates that keep the current design but for one or two things. */
  edit: 0.3,
};

/** Free sentences by their opening, most of them harmless. */
const PLAIN_FREE = {
  "Make sure to": [
    "use the right units",
    "read the question twice",
    "check your work",
    "use every number once",
    "keep the order of events",
    "write short sentences",
    "use simple words",
    "repeat the question first",
    "be polite",
  ],
  "Remember that": [
    "the order matters",
    "names can repeat",
    "some facts are asides",
    "small words change the meaning",
    "the last sentence asks the question",
  ],
  "Be careful with": ["units", "names and places", "large numbers", "negations", "the last sentence"].map(
    // The grammar wants at least seven characters.
    (noun) => (noun.length < 7 ? `mixed ${noun}` : noun),
  ),
  "Pay attention to": [
    "every word",
    "hidden facts",
    "the order of events",
    "all the numbers",
    "the small words",
  ],
};
/** Free sentences that leave the strong model no room to work before it answers. */
const BARE_FREE = {
  "Make sure to": [
    "give only the answer",
    "answer with nothing else",
    "write no explanation",
    "reply with just the result",
  ],
  "Remember that": ["only the answer counts", "no explanation is wanted"],
};

const TEMPERATURES = ["0", "0.2", "0.5", "0.7", "1"];
const MANY_TEMPERATURES = ["0.5", "0.7", "1"];
const SYNTHESES = [
  "Some of them are wrong. Solve the problem and give the right answer.",
  "Use what is right in them and solve the problem.",
];

const DRAWN = [
  "code-then-words",
  "program-vote",
  "extract-compute",
  "one-program",
  "test-repair",
  "weak-first",
  "escalate",
  "ask-again",
  "decompose",
  "prompt-vote",
  "few-shot",
];

/** Designs that the task's kind of answer and its offers allow. */
function allowedBodies(space) {
  const { answer, offers } = space;
  const names = new Set(techniqueNames({ answer, offers }));
  const needs = {
    json: answer !== "code",
    vote: names.has("self-consistency"),
    "check-vote": names.has("self-consistency"),
    weak: names.has("weak-drafts"),
    program: names.has("program"),
  };
  const drawn = DRAWN.filter((name) => canForce([name], space));
  return [
    ...Object.entries(SHARES.bodies).filter(([body]) => needs[body] ?? true),
    ...drawn.map((name) => [name, SHARES.drawn / drawn.length]),
  ];
}

function weighted(random, entries) {
  let roll = random.next() * entries.reduce((sum, [, share]) => sum + share, 0);
  for (const [name, share] of entries) {
    roll -= share;
    if (roll < 0) return name;
  }
  return entries[0][0];
}

/** A design drawn anew. `space`: answer, offers, context, description. */
export function drawDesign(random, space) {
  const design = { body: weighted(random, allowedBodies(space)) };
  for (const feature of ["steps", "plan", "careful-reading", "format", "free", "role", "temperature"])
    if (random.chance(SHARES[feature])) addFeature(random, design, feature, space);
  addShape(random, design, space);
  return design;
}

/** What a shape has to say besides its prompt. */
function addShape(random, design, space) {
  design.count = random.pick(phrasesOf("self-consistency"));
  design.heat = random.pick(MANY_TEMPERATURES);
  design.drafts = random.pick(phrasesOf("weak-drafts"));
  design.check = random.pick(phrasesOf("check-draft"));
  design.synthesis = random.pick(SYNTHESES);
  design.program = random.pick(phrasesOf("program"));
  if (DRAWN.includes(design.body)) design.source = drawSource(random, design, space);
  design.secondFormat = random.chance(0.7);
}

/** A workflow of the grammar in that shape, with the design's free sentence or none. */
function drawSource(random, { body, free = "" }, space) {
  const grammar = new Gbnf(subsetGrammar({ ...space, forced: [body] }));
  const written = { analysis: "The shape is what matters here.", free };
  return extractWorkflow(grammar.sample(random, written)).source.trimEnd();
}

function addFeature(random, design, feature, { answer, offers }) {
  const names = techniqueNames({ answer, offers });
  if (feature === "format") design.format = true;
  else if (feature === "role") design.role = random.pick(phrasesOf("expert-role"));
  else if (feature === "temperature") design.temperature = random.pick(TEMPERATURES);
  else if (feature === "free") {
    const isBare = random.chance(SHARES.bareFree);
    const sentences = isBare ? BARE_FREE : PLAIN_FREE;
    const opening = random.pick(Object.keys(sentences));
    design.free = `${opening} ${random.pick(sentences[opening])}.`;
  } else if (names.includes(feature)) design[feature] = random.pick(phrasesOf(feature));
}

const FEATURES = ["steps", "plan", "careful-reading", "format", "free", "role", "temperature"];

/** The current design with one or two things added or taken away, or in another shape. */
export function editDesign(random, current, space) {
  const design = { ...current };
  const changes = random.integer(1, 2);
  for (let change = 0; change < changes; change++) {
    if (random.chance(0.3)) {
      design.body = weighted(random, allowedBodies(space));
      addShape(random, design, space);
    } else {
      const feature = random.pick(FEATURES);
      if (design[feature] === undefined) addFeature(random, design, feature, space);
      else delete design[feature];
    }
  }
  return design;
}

/** The workflow as the subset grammar writes it. */
export function writeWorkflow(design, { answer, context }) {
  if (DRAWN.includes(design.body)) return design.source;
  const problem = problemTemplate(answer, context);
  const format = STATE_FORMAT[answer];
  const sentences = ["steps", "plan", "careful-reading", "free"].map((name) => design[name]);
  const instruction = sentences
    .filter(Boolean)
    .map((sentence) => `${sentence} `)
    .join("");
  const prompt = `\`${problem}\\n\\n${instruction}${design.format ? format : ""}\``;
  const options = oneOptions(design);
  const second = `${design.secondFormat ? ` ${format}` : ""}\``;
  const read = READ_REPLY[answer];
  const many = `, { n: ${design.count}, temperature: ${design.heat}${design.role ? `, role: "${design.role}"` : ""} }`;
  const review = `\`${problem}\\n\\nDraft:\\n\${draft}\\n\\n${design.check}${second}`;
  const lines = {
    single: [`  const [reply] = await agent.text(${prompt}${options});`, `  return ${read};`],
    json: [
      `  const { answer } = await agent.json(${prompt}, ["reasoning", "answer"]${options});`,
      `  return ${answer === "text" ? "answer" : read.replaceAll("reply", "answer")};`,
    ],
    vote: [
      `  const replies = await agent.text(${prompt}${many});`,
      `  return vote(replies.map((reply) => ${read}));`,
    ],
    check: [
      `  const [draft] = await agent.text(${prompt}${options});`,
      `  const [reply] = await agent.text(${review});`,
      `  return ${read};`,
    ],
    "check-vote": [
      `  const drafts = await agent.text(${prompt}${many});`,
      "  const replies = [];",
      "  for (const draft of drafts) {",
      `    const [reply] = await agent.text(${review});`,
      "    replies.push(reply);",
      "  }",
      `  return vote(replies.map((reply) => ${read}));`,
    ],
    weak: [
      `  const drafts = await agent.weak.text(${prompt}, { n: ${design.drafts}, temperature: ${design.heat} });`,
      `  const [reply] = await agent.text(\`${problem}\\n\\nDrafts of a weaker model:\\n\${drafts.join("\\n---\\n")}\\n\\n${design.synthesis}${second}${options});`,
      `  return ${read};`,
    ],
    program: [
      `  const [reply] = await agent.text(\`${problem}\\n\\n${programRequest(design.program, answer)}\`${options});`,
      "  const run = await agent.runPython(code(reply));",
      `  return ${READ_RUN[answer]};`,
    ],
  };
  return ["export default async function workflow(agent, task) {", ...lines[design.body], "}"].join("\n");
}

function oneOptions({ temperature, role }) {
  const parts = [
    ...(temperature === undefined ? [] : [`temperature: ${temperature}`]),
    ...(role === undefined ? [] : [`role: "${role}"`]),
  ];
  return parts.length > 0 ? `, { ${parts.join(", ")} }` : "";
}

const REASONS = [
  "",
  "",
  "The answers are often wrong, so ",
  "Too many items fail, so ",
  "The current workflow is too plain, so ",
  "To be more accurate, ",
];
const SAYINGS = {
  steps: ["ask for the solution step by step", "let the model show its steps before it answers"],
  plan: ["ask for a short plan first", "let the model split the problem before it solves it"],
  "careful-reading": ["ask for the facts that matter", "tell the model to leave out what does not matter"],
  format: ["state the form of the answer", "say how the reply has to end"],
  free: ["add a short hint to the prompt", "tell the model what to look out for"],
  role: ["give the model a role", "ask as if the model were an expert"],
  temperature: ["set the temperature of the call", "ask with another temperature"],
  vote: ["ask for several replies and vote", "take the answer that most replies agree on"],
  check: ["let a second call check the draft", "write a draft and have it corrected"],
  "check-vote": ["check several drafts and vote", "correct every draft before the vote"],
  json: ["ask for the reasoning and the answer as fields", "read the answer from a field"],
  weak: [
    "let the small model draft and the strong one decide",
    "show drafts of the small model to the strong one",
  ],
  program: ["let a program compute the answer", "ask for a short program and run it"],
  "code-then-words": ["run a program and ask by words where it fails", "let a program answer where it can"],
  "program-vote": ["run several programs and vote", "take what most programs print"],
  "extract-compute": ["take the values out first, then compute", "let a program compute with the values"],
  "test-repair": ["repair what fails the tests", "run the tests and mend the program"],
  "weak-first": [
    "let the small model write and the strong one repair",
    "ask the strong model where tests fail",
  ],
  escalate: ["ask once more where the votes disagree", "trust the votes only where they agree"],
  "ask-again": ["ask again where a reply cannot be read", "ask more plainly when a reply was cut"],
  decompose: ["solve smaller parts first and join them", "let the model ask itself smaller questions"],
  "prompt-vote": ["ask in three ways and vote", "take what most ways of asking give"],
  "one-program": [
    "let one program answer every question",
    "write a program once and run it on each question",
  ],
  "few-shot": ["show solved examples before the question", "let the model see how others were answered"],
  plain: [
    "ask the question directly, without more words",
    "keep the prompt short and plain",
    "one call with the question is enough",
    "only the wording has to change a little",
  ],
};

/** One sentence on what the design does, about something the current one lacks where there is such a thing. */
export function describeDesign(random, design, current) {
  const has = (one) => FEATURES.filter((feature) => one?.[feature] !== undefined);
  const points = [...has(design), ...(design.body === "single" ? [] : [design.body, design.body])];
  const fresh = points.filter((point) => current?.[point] === undefined && current?.body !== point);
  const point = fresh.length > 0 ? random.pick(fresh) : "plain";
  const text = (point === "plain" ? "" : random.pick(REASONS)) + random.pick(SAYINGS[point]);
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** The whole reply: sentence and fenced program. */
export function writeReply(sentence, workflow) {
  return `${sentence}\n\`\`\`js\n${workflow}\n\`\`\``;
}
