/** @file What `w4s init` asks for, in order; what a flag has given is not asked again. */

type Settings = Record<string, unknown>;

interface Question {
  /** Dotted path in the configuration. */
  path: string;
  text: string;
  /** Taken for an empty answer; undefined: the key stays at its default. */
  suggestion?: string | undefined;
  isNeeded?(settings: ReadonlyMap<string, unknown>): boolean;
  isNumber?: boolean | undefined;
}

const isRemote = (settings: ReadonlyMap<string, unknown>) =>
  String(settings.get("executor")).startsWith("openai:");

const QUESTIONS: readonly Question[] = [
  { path: "task", text: "Dataset (name or folder; w4s data list)", suggestion: "word-problems" },
  {
    path: "model",
    text: "Weak local model (name or GGUF file; w4s models list)",
    suggestion: "smollm2-135m",
  },
  { path: "executor", text: "Strong model (openai:URL, local:NAME, simulated)", suggestion: "simulated" },
  { path: "executorModel", text: "Model name on that server", isNeeded: isRemote },
  {
    path: "apiKeyEnv",
    text: "Environment variable that holds the key",
    suggestion: "OPENAI_API_KEY",
    isNeeded: isRemote,
  },
  {
    path: "budget.dollars",
    text: "Most to spend on a run in dollars (empty: no limit)",
    isNeeded: isRemote,
    isNumber: true,
  },
];

/** Answers to what is still open. @param ask - gives "" where nobody is asked */
export async function askSettings(
  given: ReadonlyMap<string, unknown>,
  ask: (prompt: string) => Promise<string>,
): Promise<Settings> {
  const settings = new Map(given);
  for (const { path, text, suggestion, isNeeded } of QUESTIONS) {
    if (settings.has(path) || isNeeded?.(settings) === false) continue;
    const answer = (await ask(`${text}${suggestion === undefined ? "" : ` [${suggestion}]`}: `)).trim();
    const value = answer === "" ? suggestion : answer;
    if (value !== undefined) settings.set(path, value);
  }
  return nested(settings);
}

/** Dotted paths as the sections of a file; texts of numbers become numbers, for the schema to judge. */
function nested(settings: ReadonlyMap<string, unknown>): Settings {
  const result: Settings = {};
  for (const [path, value] of settings) {
    const [section, key] = path.split(".") as [string, string | undefined];
    const isNumber = QUESTIONS.some((question) => question.path === path && question.isNumber);
    const parsed = isNumber && Number.isFinite(Number(value)) ? Number(value) : value;
    if (key === undefined) result[section] = parsed;
    else result[section] = { ...(result[section] as Settings | undefined), [key]: parsed };
  }
  return result;
}
