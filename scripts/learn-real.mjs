#!/usr/bin/env node
/**
 * @file Does a weak model learn to design for a real executor? Trained on generated families, judged on published tasks.
 *
 *   node scripts/learn-real.mjs --bbh DIR --seed 1 [--model smollm2-135m] [--executor local:qwen2.5-coder-0.5b] [--threads 2]
 *     [--minutes 120] [--plan] [--out FILE] [--kept DIR]
 *
 * Ends cleanly after --minutes and goes on with the same command. Every size of scripts/learn-real/settings.mjs is a flag.
 * --judging NAME judges the same trainings once more, with other --tasks or judged sizes, in folders of its own.
 * Rows are copied to --kept as they are finished, and the page is made of all seeds there and here: seeds may run on several
 * machines, and a machine that is lost takes the rows under way with it and no others.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { namedBaselines } from "../dist/evaluate/baselines/named-baselines.js";
import { resolveModel } from "../dist/hub/model-hub.js";
import { loadTask } from "../dist/tasks/load-task.js";
import { judgedDataset, trainedDataset } from "./learn-real/datasets.mjs";
import { judgeRows } from "./learn-real/judge-rows.mjs";
import { keepSeed, pageOf } from "./learn-real/page.mjs";
import { LANES, measureSpeed, planOf, planText } from "./learn-real/plan.mjs";
import { fixSettings, SIZES, settingsOf, shownSettings } from "./learn-real/settings.mjs";
import { baselinesOf, trainRow } from "./learn-real/train-rows.mjs";
import { summaryOf } from "./learn-runs.mjs";
import "./plain-errors.mjs";

const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    model: { type: "string", default: "smollm2-135m" },
    executor: { type: "string", default: "local:qwen2.5-coder-0.5b" },
    bbh: { type: "string" },
    tasks: { type: "string" },
    judging: { type: "string" },
    families: { type: "string" },
    threads: { type: "string", default: "2" },
    minutes: { type: "string", default: "120" },
    sessions: { type: "string", default: "1" },
    plan: { type: "boolean", default: false },
    root: { type: "string" },
    out: { type: "string" },
    kept: { type: "string" },
    ...Object.fromEntries(Object.keys(SIZES).map((name) => [name, { type: "string" }])),
  },
});
const startedAt = performance.now();
const minutes = Number(flags.minutes);
const threads = Number(flags.threads);
const seed = Number(flags.seed);
for (const [name, value] of Object.entries({ minutes, threads, seed }))
  if (!Number.isFinite(value) || value < 0) {
    process.stderr.write(`learn-real: --${name} wants a number\n`);
    process.exit(2);
  }
if (!/^[\w-]*$/.test(flags.judging ?? "")) {
  process.stderr.write("learn-real: --judging wants a name of letters, digits, - and _\n");
  process.exit(2);
}
const minutesLeft = () => minutes - (performance.now() - startedAt) / 60_000;
const say = (text) => process.stderr.write(`${text}\n`);

const sizes = Object.fromEntries(
  Object.keys(SIZES).flatMap((name) => (flags[name] === undefined ? [] : [[name, Number(flags[name])]])),
);
const settings = settingsOf(flags, sizes);
const root =
  flags.root ?? join("runs", "learn-real", `${settings.model}-${settings.executor.replace(/\W+/g, "-")}`);
const folder = join(root, `seed-${seed}`);
/** Of what lies beside the trainings, so that the same ones can be judged on other tasks or with other sizes. */
const half = flags.judging ? `-${flags.judging}` : "";

// A name that is no model or no task is said before the executor is measured.
await resolveModel(settings.model);
const families = await Promise.all(settings.families.map((name) => trainedDataset(name, root)));
for (const family of families) await loadTask(family);
const speed = await speedOf();
const plan = await planOf(settings, { folder, half, threads, speed });
process.stdout.write(`${planText(plan, speed, threads)}\n`);
const sessions = Number(flags.sessions);
if (plan.minutes > minutes * sessions) {
  say(
    `the plan takes ${plan.minutes.toFixed(0)} minutes and ${sessions} × ${minutes} are given: fewer episodes, candidates or items, or --sessions ${Math.ceil(plan.minutes / minutes)} and the same command as often`,
  );
  process.exitCode = 2;
} else if (!flags.plan) await play();

async function play() {
  const shown = await shownSettings(settings);
  const hash = fixSettings(join(root, `settings${half}.json`), shown);
  const order = { folder, half, seed, threads, minutesLeft, families };
  for (const row of ["trained", "shuffled"]) {
    say(`${row}: training`);
    if (!(await trainRow(row, settings, order))) return stopped();
  }
  const baselines = baselinesOf(folder);
  const { fixed } = settings;
  const fixedTitle = namedBaselines("text", false).find(({ name }) => name === fixed).title;
  for (const { title, accuracy } of baselines)
    say(`on the training families: ${title} ${(100 * accuracy).toFixed(1)} %`);
  process.stdout.write(`settings ${hash}, fixed before the judged tasks are opened\n`);
  const tasks = [];
  for (const name of settings.judged) tasks.push(await judgedDataset(name, flags.bbh, root));
  const adapterOf = (row) => summaryOf(join(folder, row)).adapter.path;
  const rows = [
    { name: "base" },
    { name: "trained", adapter: adapterOf("trained") },
    { name: "shuffled", adapter: adapterOf("shuffled") },
    { name: "random" },
  ];
  const onRow = () => flags.kept && keepSeed(root, seed, flags.kept, half);
  const isWhole = await judgeRows(rows, settings, { ...order, tasks, fixed, fixedTitle, say, onRow });
  if (existsSync(join(folder, `rows${half}`, "base.json"))) {
    const trainedIn = (row) =>
      Object.entries(summaryOf(join(folder, row)).rounds[0].seconds).map(
        ([phase, seconds]) => `${phase} ${(seconds / 60).toFixed(1)}`,
      );
    onRow();
    const page = pageOf({
      ...{ root, kept: flags.kept, half, settings: shown, hash, baselines },
      // By the last names of their paths: the page is kept, and the folders of this machine say nothing to others.
      command: `node scripts/learn-real.mjs ${process.argv
        .slice(2)
        .map((word) => word.replace(/^(local:)?\/(?:.*\/)?([^/]+)\/?$/, "$1$2"))
        .join(" ")}`,
      notes: [
        `minutes of the trained row's round: ${trainedIn("trained").join(", ")}`,
        `fixed baseline: ${fixed}; of this seed ${baselines.map(({ title, accuracy }) => `${title} ${(100 * accuracy).toFixed(1)} %`).join("; ")} on the training families`,
        `${threads} threads`,
      ],
    });
    writeFileSync(join(root, "page.md"), page);
    if (flags.out && isWhole) writeFileSync(flags.out, page);
    process.stdout.write(page);
  }
  if (!isWhole) stopped();
}

function stopped() {
  say(`${minutes} minutes are over: the same command goes on`);
  process.exitCode = 8;
}

/** Measured once a folder, executor and number of threads: later sessions of a plan are held against the same figure. */
async function speedOf() {
  const path = join(root, "speed.json");
  const key = `${settings.executor}, ${threads} threads, ${LANES} requests`;
  const known = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  if (known[key] === undefined) {
    known[key] = await measureSpeed(settings.executor, threads);
    mkdirSync(root, { recursive: true });
    writeFileSync(path, `${JSON.stringify(known)}\n`);
  }
  return known[key];
}
