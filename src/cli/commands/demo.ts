/** @file `w4s demo`: the whole loop in about three minutes, without network, key or money. */
import { join } from "node:path";
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { addRunFlags, configSources } from "../run-flags.js";
import { stoppedByJson } from "../run-frame.js";
import { learnWithProgress, printLearning } from "./learn.js";

const INTRO = `w4s demo
  weak model    nano, 2 M weights, embedded; really running here through llama.cpp, really trained here
  strong model  SIMULATED: its figures say nothing about any real model
  tasks         generated puzzles; the adapter is judged on families it was not trained on
`;

/** Flags of the demo: where it writes, and its luck. */
const FLAGS = [
  "run",
  "runsRoot",
  "seed",
  "threads",
  "fresh",
  "episodes",
  "learn.rounds",
  "learn.evaluationEpisodes",
];

export function command(): Command {
  const demo = new Command("demo").description(
    "Shows the whole loop offline: a weak model designs workflows, is rewarded, is trained, designs better ones.",
  );
  return complete(addRunFlags(demo, FLAGS), demoAction, { hasConfig: false });
}

const demoAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const config = api.loadRunConfig({
    ...configSources(command),
    defaults: api.preset("demo"),
    hasFile: false,
    env: {},
  });
  writeErr(INTRO);
  const result = await learnWithProgress(api, config, watch);
  if (result.stoppedBy !== undefined) return { failure: result.stoppedBy };
  const page = join(result.directory, "report.html");
  await api.writeReport(page, api.htmlReport(await api.readRunReport(result.directory)));
  const peft = join(result.directory, "peft");
  if (result.adapter !== null) {
    const basePath = await api.resolveModel(config.model ?? "");
    await api.exportAdapter({
      format: "peft",
      adapterPath: result.adapter.path,
      basePath,
      outPath: peft,
      force: true,
    });
  }
  if (isJson) {
    writeJson({ ...result, ...stoppedByJson(result, api), report: page, peft });
    return EXIT.done;
  }
  printLearning(result, config.budget);
  writeOut(`report   ${page}
PEFT     ${result.adapter === null ? "none: no adapter was accepted" : peft}

Next
  a real model      w4s models pull smollm2-135m && w4s learn --task counting,shopping,swaps --model smollm2-135m --executor simulated
  your own data     w4s data import FILE.csv my-task --kind math && w4s init
  use the adapter   w4s export ${result.adapter?.path ?? "ADAPTER"} --base nano --to merged --out merged.gguf`);
  return EXIT.done;
};
