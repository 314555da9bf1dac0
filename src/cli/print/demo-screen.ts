/** @file What the demo ends with, on one screen: three figures in words, the table behind them, and what to do next. */
import type { LearnResult } from "../../commands.js";
import { counted, formatDifference, formatPercent } from "../../core/figure-format.js";
import { policiesText } from "./learn-tables.js";
import { outputWidth } from "./output.js";
import { pairs } from "./tables.js";
import { wrapProse } from "./wrap-words.js";

type Difference = NonNullable<LearnResult["difference"]>;

/** Where the demo left things, and what it used. */
export interface DemoPlaces {
  spent: string;
  /** Name of the weak model. */
  model: string;
  /** The report page. */
  report: string;
  /** Folder of the adapter in PEFT's form. */
  peft: string;
}

/**
 * Rounds and test items are in the report, so that all of it fits on 40 lines.
 * @param width - columns. Default: those of the screen
 */
export function demoScreen(result: LearnResult, places: DemoPlaces, width = outputWidth()): string {
  const figures = [learned(result), tested(result), control(result)].filter((text) => text !== undefined);
  const said = figures.map((text, index) => wrapProse(`${index + 1}. ${text}`, width));
  const simulated = result.isSimulated ? ", with a SIMULATED strong model" : "";
  const { adapter } = result;
  const rows: [string, string][] = [
    ["spent", places.spent],
    ["report", places.report],
    ["PEFT", adapter === null ? "none: no adapter was accepted" : places.peft],
  ];
  return `${[`What came out${simulated}`, ...said, "", `${policiesText(result, width)}${pairs(rows)}`].join("\n")}

Next
  ${result.isSimulated ? "a real model      w4s demo --real" : "a longer run      w4s learn --preset real --max-minutes 90"}
  your own data     w4s data import FILE.csv my-task --kind math && w4s init
  use the adapter   w4s export ${adapter?.path ?? "ADAPTER"} --base ${places.model} --to merged --out merged.gguf`;
}

function learned({ base, trained, difference }: LearnResult): string {
  if (base === null || trained === null || difference === null)
    return "Nothing was learned: no adapter was accepted.";
  const words = {
    better: "Training made the small model a better designer",
    worse: "Training made the small model a worse designer",
    "not told apart": "Training shows no difference",
  };
  return `${words[verdictOf(difference)]}: on puzzles of kinds that it was not trained on, its workflows are right for ${formatPercent(trained.meanReward)} of the items, before training for ${formatPercent(base.meanReward)} (${differenceText(difference)}).`;
}

/** Of all judged tasks together, items counted alike. */
function tested({ test }: LearnResult): string | undefined {
  const share = (name: string) => {
    const rows = test.filter((row) => row.name === name);
    const items = rows.reduce((sum, { n }) => sum + n, 0);
    return items === 0
      ? undefined
      : { items, accuracy: rows.reduce((sum, { n, accuracy }) => sum + n * accuracy, 0) / items };
  };
  const best = share("trained");
  if (best === undefined) return undefined;
  const others = [
    ["a plain question to the same strong model", share("executor alone, direct")],
    ["five votes", share("executor alone, five votes")],
  ] as const;
  const rest = others.flatMap(([name, found]) => (found ? [`${name} ${formatPercent(found.accuracy)}`] : []));
  return `On ${best.items} test items that were opened once, its best workflows reach ${formatPercent(best.accuracy)}${rest.length > 0 ? `; ${rest.join(", ")}` : ""}.`;
}

function control({ random, againstRandom }: LearnResult): string | undefined {
  if (!random || !againstRandom) return undefined;
  const words = { better: "worse", worse: "better", "not told apart": "as well, as far as this tells" };
  return `The control, techniques drawn at random without any model, designs ${words[verdictOf(againstRandom)]}: ${formatPercent(random.meanReward)} (trained model minus control ${differenceText(againstRandom)}).`;
}

function verdictOf({ verdict = "not told apart" }: Difference): "better" | "worse" | "not told apart" {
  return verdict;
}

function differenceText({ meanReward, pairs, each }: Difference): string {
  return `${formatDifference(meanReward, pairs, each)}, ${counted(pairs, "pair")} of episodes`;
}
