/** @file The benchmarks of `w4s bench`: what each shows, what it is run with, how long it may take. */

export type BenchScope = "quick" | "usual" | "full";

export interface Bench {
  name: string;
  shows: string;
  /** File in bench/, without its ending, where several benchmarks share one. Default: the name. */
  script?: string | undefined;
  /** Models its rows are about, by scope; the ones that are not pulled are left out and named. Default: it needs none. */
  models?: Readonly<Record<BenchScope, readonly string[]>> | undefined;
  /** Further arguments by scope, separated by spaces; one that is left out is not part of that scope unless it is named. */
  args: Readonly<Partial<Record<BenchScope, string>>>;
  /** Time after which it is ended, by scope. */
  limitSeconds: Readonly<Record<BenchScope, number>>;
}

const SMALL = "smollm2-135m";
const MEDIUM = "qwen2.5-coder-0.5b";
const LARGE = "qwen2.5-coder-1.5b";
const BY_SCOPE = { quick: ["nano"], usual: [SMALL], full: [SMALL, MEDIUM] };
const NO_ARGS = { quick: "", usual: "", full: "" };

/** In the order they run; `quick` is to end within two minutes on two cores, `usual` within ten. */
export const BENCHES: readonly Bench[] = [
  {
    name: "engine",
    shows: "start of the program, overhead of a call, the same evaluation again from what is stored",
    args: NO_ARGS,
    limitSeconds: { quick: 180, usual: 120, full: 120 },
  },
  {
    name: "pace",
    shows: "calls a second at servers that refuse some of them with 429, as a share of what they let through",
    args: { usual: "", full: "" },
    limitSeconds: { quick: 120, usual: 120, full: 120 },
  },
  {
    name: "cache",
    shows: "keeping and finding stored replies",
    args: NO_ARGS,
    limitSeconds: { quick: 180, usual: 180, full: 180 },
  },
  {
    name: "sandbox",
    shows: "start and runs of the workflow sandbox, and what hostile workflows can hold up",
    args: { quick: "--no-hostile", usual: "", full: "" },
    limitSeconds: { quick: 180, usual: 180, full: 180 },
  },
  {
    name: "serve",
    shows: "a served workflow beside its executor asked directly, and many requests at once",
    args: { usual: "", full: "" },
    limitSeconds: { quick: 180, usual: 180, full: 180 },
  },
  {
    name: "lanes",
    shows: "requests of a local executor written together beside one after another",
    models: { quick: [], usual: ["nano"], full: [MEDIUM] },
    args: { usual: "", full: "" },
    limitSeconds: { quick: 180, usual: 180, full: 600 },
  },
  {
    name: "rollout",
    shows: "five candidates of one prompt beside llama.cpp by hand and beside five separate generations",
    models: BY_SCOPE,
    args: { quick: "--prompt-tokens 300 --threads 1", usual: "--repetitions 2", full: "--repetitions 5" },
    limitSeconds: { quick: 180, usual: 300, full: 1800 },
  },
  {
    name: "forward",
    shows: "our forward pass beside llama.cpp's prefill",
    models: BY_SCOPE,
    args: {
      quick: "--repetitions 3 --lengths 512",
      usual: "--repetitions 3 --lengths 512,1024",
      full: "--repetitions 5 --lengths 512,1024,2048",
    },
    limitSeconds: { quick: 180, usual: 240, full: 1800 },
  },
  {
    name: "train",
    shows:
      "a training step, and a whole episode as one trie; beside PyTorch + PEFT in --full, where Python has them",
    models: BY_SCOPE,
    args: {
      quick: "--no-peft --repetitions 3 --lengths 512",
      usual: "--no-peft --repetitions 2 --lengths 512,1024",
      full: "--repetitions 3 --lengths 512,1024,2048 --episode",
    },
    limitSeconds: { quick: 180, usual: 240, full: 5400 },
  },
  {
    name: "train-streamed",
    script: "train",
    shows: "training with weights streamed from the file: Qwen 0.5 B in 2.5 GB, Qwen 1.5 B in 12 GB",
    models: { quick: [], usual: [], full: [MEDIUM, LARGE] },
    args: { full: "--no-peft --repetitions 1 --lengths 1024 --weights streamed" },
    limitSeconds: { quick: 180, usual: 900, full: 3600 },
  },
  {
    name: "round",
    shows: "a round of w4s learn on the simulated executor, by phase",
    models: { quick: ["nano"], usual: ["nano"], full: ["nano", SMALL] },
    args: { quick: "--episodes 2", usual: "", full: "" },
    limitSeconds: { quick: 180, usual: 180, full: 1200 },
  },
  {
    name: "export",
    shows: "adapters to GGUF, PEFT and merged models, and back",
    models: BY_SCOPE,
    args: NO_ARGS,
    limitSeconds: { quick: 180, usual: 180, full: 600 },
  },
  {
    name: "scaling",
    shows: "how cost grows: length, concurrency, stored results",
    models: BY_SCOPE,
    args: {
      quick: "--lengths 128,512 --concurrency 1,4 --results 1000,100000",
      usual: "--lengths 128,512,1024 --results 1000,10000,100000",
      full: "",
    },
    limitSeconds: { quick: 180, usual: 300, full: 1200 },
  },
];
