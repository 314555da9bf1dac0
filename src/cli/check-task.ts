/** @file Do dataset, executor and limits of a configuration go together? Asked by `w4s init` before it writes, and by `w4s doctor`. */
import type { Price, RunConfig } from "../commands.js";

type Api = typeof import("../commands.js");

/** Stands for a task where a command needs none. */
export const NO_TASK = "none";

/**
 * Name and splits of the dataset.
 * @throws {InputError} where there is none; {ConfigError} where the executor cannot solve it
 */
export async function checkTask(api: Api, config: Pick<RunConfig, "task" | "executor">): Promise<string> {
  const texts: string[] = [];
  for (const name of config.task.split(",").map((part) => part.trim())) {
    const task = await api.datasetNamed(name);
    if (isSimulated(config.executor) && task.family === undefined)
      throw new api.ConfigError(
        `the simulated executor cannot solve ${task.name}: it is no generated family`,
        {
          hint: "name a real one: --executor openai:URL --executor-model NAME, or --executor local:NAME",
        },
      );
    if (!task.splits.validation)
      throw new api.InputError(`${name} has no validation split, which a search needs`, {
        hint: "import it again with --split validation=0.2, which draws one from train",
      });
    texts.push(`${task.name}, ${task.kind}: ${Object.keys(task.splits).join(", ")}`);
  }
  return texts.join("; ");
}

export function isSimulated(executor: string): boolean {
  return executor.split(":")[0] === "simulated";
}

/**
 * Where the price of the executor comes from, or why none is counted. Where a limit in dollars needs one that nobody gives, the
 * server is asked for one token.
 * @param signal - ends that question. Default: nothing is asked
 * @throws {ConfigError} where a limit in dollars cannot hold
 */
export async function checkPrice(
  api: Api,
  config: RunConfig,
  signal: AbortSignal | undefined,
): Promise<string> {
  const alias = config.executors[config.executor];
  if (!alias && !config.executor.startsWith("openai:")) return "nothing is paid";
  const model = alias?.model ?? config.executorModel;
  if (model === undefined)
    throw new api.ConfigError(`executor ${config.executor} needs a model name`, {
      hint: "add --executor-model NAME",
    });
  const written = api.givenPrice(alias ?? config.price ?? {});
  const found = written ?? api.priceFor(model);
  const figures = ({ inputPerMillion, outputPerMillion }: Price) =>
    `$${inputPerMillion} in, $${outputPerMillion} out per million tokens`;
  if (found) return `${figures(found)}, ${written ? "as configured" : "by the list of this package"}`;
  if (config.budget.dollars !== undefined) {
    const charged = signal && (await chargedPrice(api, config, signal));
    if (charged)
      return `as the server says with each answer; ${figures(charged)} by one token, for forecasts`;
    throw new api.ConfigError(`the price of ${model} is unknown, so --max-dollars cannot hold`, {
      hint: "give --price-input and --price-output in dollars per million tokens, or leave --max-dollars out",
    });
  }
  return `unknown for ${model}: dollars are not counted; --price-input and --price-output give it`;
}

/** Undefined also where the server cannot be asked: that is another check's to say. */
async function chargedPrice(api: Api, config: RunConfig, signal: AbortSignal): Promise<Price | undefined> {
  const local = new api.LocalModels(config, api.resolveModel);
  const built = await api.buildExecutor(config.executor, { config, local, onWarning: () => {} });
  try {
    await api.learnPrice(built, signal);
  } catch (error) {
    if (!api.ModelCallError.is(error)) throw error;
  } finally {
    await built.model.close();
  }
  return built.price;
}
