/** @file What `w4s init` asks for, in order; what a flag has given is not asked again, and a bad answer is asked again. */

type Settings = Record<string, unknown>;
type Given = ReadonlyMap<string, unknown>;

/** What depends on this machine and on the dataset. */
export interface AskContext {
  /** Taken for an empty answer to a path; undefined: the key stays at its default. */
  suggest(path: string, given: Given): string | undefined | Promise<string | undefined>;
  /** Why a value cannot be taken, with what to do; undefined where it can. */
  check(path: string, value: unknown, given: Given): string | undefined | Promise<string | undefined>;
  /** Whether the price of that model has to be asked for. */
  isPriceOpen(given: Given): boolean;
  /** Shows a person why a question comes again. */
  tell(text: string): void;
}

interface Question {
  /** Dotted path in the configuration. */
  path: string;
  text: string;
  isNeeded?(given: Given, context: AskContext): boolean;
  isNumber?: boolean | undefined;
}

const isRemote = (given: Given) => String(given.get("executor")).startsWith("openai:");
const isUnpriced = (given: Given, { isPriceOpen }: AskContext) => isRemote(given) && isPriceOpen(given);

const QUESTIONS: readonly Question[] = [
  { path: "task", text: "Dataset (name or folder; w4s data list)" },
  { path: "model", text: "Weak local model (name or GGUF file; w4s models list)" },
  { path: "executor", text: "Strong model (openai:URL, local:NAME, simulated)" },
  { path: "executorModel", text: "Model name on that server", isNeeded: isRemote },
  { path: "apiKeyEnv", text: "Environment variable that holds the key", isNeeded: isRemote },
  {
    path: "price.inputPerMillion",
    text: "Its price, dollars per million prompt tokens (empty: unknown)",
    isNeeded: isUnpriced,
    isNumber: true,
  },
  {
    path: "price.outputPerMillion",
    text: "and per million reply tokens",
    isNeeded: (given, context) => isUnpriced(given, context) && given.has("price.inputPerMillion"),
    isNumber: true,
  },
  {
    path: "budget.dollars",
    text: "Most to spend on a run in dollars (empty: no limit)",
    // A limit in dollars cannot hold without a price.
    isNeeded: (given, context) =>
      isRemote(given) && !(context.isPriceOpen(given) && !given.has("price.outputPerMillion")),
    isNumber: true,
  },
];

/** Times a person is asked one question. */
const MAX_TRIES = 5;

/**
 * Answers to what is still open.
 * @param ask - gives "" where nobody is asked
 */
export async function askSettings(
  given: Given,
  ask: (prompt: string) => Promise<string>,
  context: AskContext,
): Promise<Settings> {
  const settings = new Map([...given].map(([path, value]) => [path, typed(path, value)]));
  for (const { path, text, isNeeded } of QUESTIONS) {
    if (settings.has(path) || isNeeded?.(settings, context) === false) continue;
    const suggestion = await context.suggest(path, settings);
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const answer = (await ask(`${text}${suggestion === undefined ? "" : ` [${suggestion}]`}: `)).trim();
      const value = completed(path, answer === "" ? suggestion : answer);
      if (value === undefined) break;
      const why = answer === "" ? undefined : await context.check(path, typed(path, value), settings);
      if (why !== undefined && tries < MAX_TRIES) context.tell(why);
      // After the last try it stands as it is, for the configuration to refuse by name.
      else {
        settings.set(path, typed(path, value));
        break;
      }
    }
  }
  return nested(settings);
}

/** A bare address means a server there. */
function completed(path: string, value: string | undefined): string | undefined {
  return path === "executor" && value !== undefined && /^https?:\/\//.test(value) ? `openai:${value}` : value;
}

/** Texts of numbers become numbers, for the schema to judge. */
function typed(path: string, value: unknown): unknown {
  const isNumber = QUESTIONS.some((question) => question.path === path && question.isNumber);
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Dotted paths as the sections of a file. */
function nested(settings: Given): Settings {
  const result: Settings = {};
  for (const [path, value] of settings) {
    const [section, key] = path.split(".") as [string, string | undefined];
    if (key === undefined) result[section] = value;
    else result[section] = { ...(result[section] as Settings | undefined), [key]: value };
  }
  return result;
}
