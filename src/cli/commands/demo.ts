/** @file `w4s demo`: the whole loop in about three minutes, without network, key or money. */
import { join } from "node:path";
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { demoScreen } from "../print/demo-screen.js";
import { openPage } from "../print/open-page.js";
import { isInteractive, writeErr, writeJson, writeOut } from "../print/output.js";
import { spentText } from "../print/spent-text.js";
import { addRunFlags, configSources } from "../run-flags.js";
import { stoppedByJson } from "../run-frame.js";
import { learnWithProgress } from "./learn.js";

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
  addRunFlags(demo, FLAGS).option("--no-open", "do not open the report in a browser at the end");
  return complete(demo, demoAction, { hasConfig: false });
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
  const spent = `${spentText(result.spent, config.budget)} (simulated executor)`;
  writeOut(demoScreen(result, { spent, report: page, peft }));
  if (command.opts<{ open: boolean }>().open && isInteractive(process.stdout)) openPage(page);
  return EXIT.done;
};
