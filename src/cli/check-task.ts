/** @file Do dataset, executor and limits of a configuration go together? Asked by `w4s init` before it writes, and by `w4s doctor`. */
import type { RunConfig } from "../commands.js";

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

/** What counts for the price of an executor. */
type Priced = Pick<RunConfig, "executor" | "executorModel" | "executors" | "price" | "budget">;

/**
 * Where the price of the executor comes from, or why none is counted.
 * @throws {ConfigError} where a limit in dollars cannot hold
 */
export function checkPrice(api: Api, config: Priced): string {
  const alias = config.executors[config.executor];
  if (!alias && !config.executor.startsWith("openai:")) return "nothing is paid";
  const model = alias?.model ?? config.executorModel;
  if (model === undefined)
    throw new api.ConfigError(`executor ${config.executor} needs a model name`, {
      hint: "add --executor-model NAME",
    });
  const written = api.givenPrice(alias ?? config.price ?? {});
  const found = written ?? api.priceFor(model);
  if (found) {
    const source = written ? "as configured" : "by the list of this package";
    return `$${found.inputPerMillion} in, $${found.outputPerMillion} out per million tokens, ${source}`;
  }
  if (config.budget.dollars !== undefined)
    throw new api.ConfigError(`the price of ${model} is unknown, so --max-dollars cannot hold`, {
      hint: "give --price-input and --price-output in dollars per million tokens, or leave --max-dollars out",
    });
  return `unknown for ${model}: dollars are not counted; --price-input and --price-output give it`;
}
