/** @file `w4s demo`: the whole loop in about two minutes, without network, key or money. */
import { join } from "node:path";
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { demoScreen } from "../print/demo-screen.js";
import { openPage } from "../print/open-page.js";
import { isInteractive, writeErr, writeJson, writeOut } from "../print/output.js";
import { pullProgress } from "../print/pull-progress.js";
import { spentText } from "../print/spent-text.js";
import { addRunFlags, configSources } from "../run-flags.js";
import { stoppedByJson } from "../run-frame.js";
import { learnWithProgress } from "./learn.js";

const INTRO = `w4s demo
  weak model    nano, 2 M weights, embedded; really running here through llama.cpp, really trained here
  strong model  SIMULATED: its figures say nothing about any real model
  tasks         generated puzzles; the adapter is judged on families it was not trained on
`;

const REAL_INTRO = `w4s demo --real
  weak model    SmolLM2-135M; writes and is trained here
  strong model  Qwen2.5-Coder-0.5B, real, on this machine: every accuracy below is its own
  tasks         generated puzzles; the adapter is judged on a family it was not trained on
  shows         that the loop runs on real models: designs, rewards, training, judgement, one test
  shows not     that training pays: 18 candidates and one judged episode of each are far too few (docs/real-models.md)
`;
/** Models of the real one, fetched where they are not here. */
const REAL_MODELS = ["smollm2-135m", "qwen2.5-coder-0.5b"];

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
  addRunFlags(demo, FLAGS)
    .option("--no-open", "do not open the report in a browser at the end")
    .option("--real", "real models on this machine (pulls 0.6 GB; a quarter of an hour on two cores)");
  return complete(demo, demoAction, { hasConfig: false });
}

const demoAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const { real: isReal = false } = command.opts<{ real?: boolean }>();
  const config = api.loadRunConfig({
    ...configSources(command),
    defaults: api.preset(isReal ? "demo-real" : "demo"),
    hasFile: false,
    env: {},
  });
  writeErr(isReal ? REAL_INTRO : INTRO);
  if (isReal) {
    for (const name of REAL_MODELS)
      await api.pullModel(name, { onProgress: pullProgress(), signal: watch.stopSignal });
  }
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
  const spent =
    `${spentText(result.spent, config.budget)} ${result.isSimulated ? "(simulated executor)" : ""}`.trim();
  writeOut(demoScreen(result, { spent, model: config.model ?? "nano", report: page, peft }));
  if (command.opts<{ open: boolean }>().open && isInteractive(process.stdout)) openPage(page);
  return EXIT.done;
};
