/** @file Family: who has a job, told by what they do all day. What words mean decides; there is nothing to compute. */
import { type FamilyDefinition, optionLetter, PEOPLE, scaled } from "./family.js";

/** Jobs and what whoever has one does. */
const JOBS = {
  baker: "makes bread before the sun is up",
  nurse: "looks after people in a hospital",
  mechanic: "repairs the engines of cars",
  teacher: "explains fractions to children",
  farmer: "grows wheat and keeps cows",
  pilot: "flies planes to other countries",
  tailor: "sews coats and dresses",
  lawyer: "speaks for people in court",
  gardener: "plants roses and cuts hedges",
  fisherman: "goes out with a boat and nets",
} as const;
type Job = keyof typeof JOBS;

interface JobsProblem {
  asked: Job;
  /** In the order in which they are told of, which is that of the options. */
  workers: { person: string; job: Job }[];
}

export const jobs: FamilyDefinition<JobsProblem> = {
  name: "jobs",
  title: "People and jobs (generated)",
  kind: "choice",
  metric: "choice",
  description:
    "It is told what some people do all day; who has a given job is asked. The answer is the letter of one option.",
  version: 1,

  make(random, difficulty) {
    const count = scaled(difficulty, 2, 6);
    const chosen = random.shuffle(Object.keys(JOBS) as Job[]).slice(0, count);
    const people = random.shuffle(PEOPLE);
    return {
      asked: random.pick(chosen),
      workers: chosen.map((job, index) => ({ person: people[index]!, job })),
    };
  },

  solve({ asked, workers }) {
    const right = workers.findIndex(({ job }) => job === asked);
    return {
      answer: optionLetter(right),
      steps: [`the ${asked} ${JOBS[asked]}`, `that is ${workers[right]!.person}`],
    };
  },

  slips({ workers }) {
    return workers.map((_, index) => optionLetter(index));
  },

  render({ asked, workers }) {
    const told = workers.map(({ person, job }) => `${person} ${JOBS[job]}.`).join(" ");
    return { question: `${told} Who is the ${asked}?`, choices: workers.map(({ person }) => person) };
  },
};
