/** @file The page of the evidence: rows, paired differences with hierarchical intervals, and one found workflow per task. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { mean } from "../../dist/core/statistics.js";
import { markdownTable } from "../learn-runs.mjs";
import { nestedInterval } from "./nested-interval.mjs";

const DESIGNERS = ["base", "trained", "shuffled", "random"];
const MEANING = {
  base: "the model as it came",
  trained: "its adapter, trained on rewards of the training families",
  shuffled: "control: the same training, its weights dealt out at random within a task",
  random: "control: no model, one to three techniques drawn uniformly",
  fixed: "the fixed baseline that was best on the training families of three seeds",
  direct: "one question to the executor",
};

const AGAIN =
  " **The same trainings as in [learn-real.md](learn-real.md)**, judged again after its figures were seen, with sizes or tasks that were set before this judging began.";

/** What rows end with at equal calls of their searches lies beside the rows. */
const EQUAL = "equal";

/** All rows of all seeds that are there, or were kept on another machine: seed → row → figures. */
export function readRows(root, kept, half) {
  const folders = new Map();
  for (const [parent, inside] of [
    [kept, ""],
    [root, `rows${half}`],
  ])
    for (const name of parent !== undefined && existsSync(parent) ? readdirSync(parent) : [])
      if (/^seed-\d+$/.test(name))
        folders.set(Number(name.slice("seed-".length)), join(parent, name, inside));
  const seeds = new Map();
  for (const [seed, folder] of [...folders].sort(([a], [b]) => a - b)) {
    const rows = new Map();
    for (const row of [...DESIGNERS, EQUAL]) {
      const path = join(folder, `${row}.json`);
      if (existsSync(path)) rows.set(row, JSON.parse(readFileSync(path, "utf8")));
    }
    if (rows.size > 0) seeds.set(seed, rows);
  }
  return seeds;
}

/**
 * Copies the rows of a seed that are finished to a folder that is kept, so that the next seed may run elsewhere.
 * @throws where that folder holds seeds of other settings
 */
export function keepSeed(root, seed, kept, half) {
  const settings = readFileSync(join(root, `settings${half}.json`), "utf8");
  const path = join(kept, "settings.json");
  if (existsSync(path) && readFileSync(path, "utf8") !== settings)
    throw new Error(`${path} holds other settings: name another folder with --kept`);
  cpSync(join(root, `seed-${seed}`, `rows${half}`), join(kept, `seed-${seed}`), { recursive: true });
  writeFileSync(path, settings);
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}`;
const withInterval = ({ mean: centre, low, high }) => `${signed(centre)} [${signed(low)}, ${signed(high)}]`;

/** Differences of two rows as a tree: task → seed → leaves(one, other), for the tasks that both have. */
function tree(seeds, a, b, leaves) {
  const tasks = new Map();
  for (const rows of seeds.values()) {
    for (const task of rows.get(a)?.tasks ?? []) {
      const other = rows.get(b)?.tasks.find((one) => one.task === task.task);
      if (other) tasks.set(task.task, [...(tasks.get(task.task) ?? []), leaves(task, other)]);
    }
  }
  return tasks;
}

const byEpisodes = (one, other) =>
  one.episodes.map((episode, at) =>
    episode.scores.map((score, item) => score - other.episodes[at].scores[item]),
  );
/** Of the best candidate of each episode, which was chosen on these items in both rows. */
const byBest = (one, other) => one.episodes.map(({ best }, at) => [best - other.episodes[at].best]);

/** Of the test items that both have. */
const byItems = (own, others) =>
  Object.keys(own)
    .filter((id) => id in others)
    .map((id) => own[id] - others[id]);
const byTest = (name, otherName) => (one, other) =>
  byItems(one.test[name].scores, other.test[otherName].scores);
const byTestAtEqualCalls = ({ rows: { trained, random } }) =>
  byItems(trained.test.scores, random.test.scores);
const byConfirmed = (one, other) => [one.confirmed - other.confirmed];
const byConfirmedAtEqualCalls = ({ rows: { trained, random } }) => byConfirmed(trained, random);

/**
 * @param kept - folder of seeds that ran elsewhere, if there is one
 * @param baselines - of the training families, as baselinesOf() gives them
 */
export function pageOf({ root, kept, half, settings, hash, command, notes, baselines }) {
  const seeds = readRows(root, kept, half);
  const present = DESIGNERS.filter((row) => [...seeds.values()].some((rows) => rows.has(row)));
  const of = (row) => [...seeds.values()].flatMap((rows) => rows.get(row)?.tasks ?? []);
  const table = present.map((row) => {
    const tasks = of(row);
    const test = tasks.map((task) => task.test[row]);
    const episodes = tasks.flatMap((task) => task.episodes);
    const minutes = [...seeds.values()].reduce((sum, rows) => sum + (rows.get(row)?.seconds ?? 0) / 60, 0);
    return [
      row,
      percent(mean(tasks.map((task) => mean(task.episodes.flatMap(({ scores }) => scores))))),
      percent(mean(tasks.map(({ confirmed }) => confirmed))),
      percent(mean(test.map(({ scores }) => mean(Object.values(scores))))),
      percent(mean(episodes.map(({ byCode }) => byCode))),
      percent(mean(test.map(({ byCode }) => byCode))),
      percent(mean(episodes.map(({ valid, candidates }) => valid / candidates))),
      percent(mean(episodes.map(({ distinct, candidates }) => distinct / candidates))),
      Math.round(mean(tasks.map(({ searchTokens }) => searchTokens))),
      tasks.every(({ searchCalls }) => searchCalls !== undefined)
        ? Math.round(mean(tasks.map(({ searchCalls }) => searchCalls)))
        : "",
      Math.round(mean(test.map(({ tokens }) => tokens))),
      percent(mean(test.map(({ cut }) => cut))),
      minutes.toFixed(0),
    ].join(" | ");
  });
  for (const row of ["fixed", "direct"]) {
    const test = of(present[0]).map((task) => task.test[row]);
    table.push(
      [
        row,
        "",
        "",
        percent(mean(test.map(({ scores }) => mean(Object.values(scores))))),
        "",
        percent(mean(test.map(({ byCode }) => byCode))),
        "",
        "",
        "",
        "",
        Math.round(mean(test.map(({ tokens }) => tokens))),
        percent(mean(test.map(({ cut }) => cut))),
        "",
      ].join(" | "),
    );
  }
  const difference = (what, a, b, leaves) => {
    const found = tree(seeds, a, b, leaves);
    if (found.size === 0) return [];
    const own = [...found.values()].map((branch) => nestedInterval(branch));
    const above = own.filter(({ low }) => low > 0).length;
    return [
      [what, withInterval(nestedInterval([...found.values()])), `${above} of ${found.size}`].join(" | "),
    ];
  };
  const differences = [
    ...["base", "shuffled", "random"].flatMap((other) =>
      difference(`mean accuracy, trained − ${other}`, "trained", other, byEpisodes),
    ),
    ...["base", "shuffled", "random"].flatMap((other) =>
      difference(`best of an episode, trained − ${other}`, "trained", other, byBest),
    ),
    ...["base", "shuffled", "random"].flatMap((other) =>
      difference(`best, confirmed, trained − ${other}`, "trained", other, byConfirmed),
    ),
    ...difference("best, confirmed, at equal calls, trained − random", EQUAL, EQUAL, byConfirmedAtEqualCalls),
    ...["base", "shuffled", "random"].flatMap((other) =>
      difference(`final workflow on test, trained − ${other}`, "trained", other, byTest("trained", other)),
    ),
    ...difference(
      "final workflow on test, at equal calls, trained − random",
      EQUAL,
      EQUAL,
      byTestAtEqualCalls,
    ),
    ...difference(
      "final workflow on test, trained − fixed",
      "trained",
      "trained",
      byTest("trained", "fixed"),
    ),
    ...difference(
      "final workflow on test, trained − direct",
      "trained",
      "trained",
      byTest("trained", "direct"),
    ),
    ...difference("final workflow on test, random − direct", "random", "random", byTest("random", "direct")),
  ];
  const perTask = settings.judged.map((name) => {
    const find = (row) => of(row).filter(({ task }) => task === name);
    const test = (row, from = row) => {
      const found = find(from).map((task) => task.test[row]);
      return found.length === 0 ? "" : percent(mean(found.map(({ scores }) => mean(Object.values(scores)))));
    };
    const candidates = (row) => {
      const found = find(row);
      return found.length === 0
        ? ""
        : percent(mean(found.map((task) => mean(task.episodes.flatMap(({ scores }) => scores)))));
    };
    return [
      name,
      ...present.map(candidates),
      ...present.map((row) => test(row)),
      test("fixed", present[0]),
      test("direct", present[0]),
    ].join(" | ");
  });
  const equal = of(EQUAL).flatMap(({ rows }) => Object.values(rows));
  const firstSeed = [...seeds.values()].find((rows) => rows.has("trained") || rows.has("base"));
  const found = (firstSeed?.get("trained") ?? firstSeed?.get("base"))?.tasks ?? [];
  const heads = {
    rows: "row | mean accuracy of candidates | best, confirmed | its test accuracy | by code, candidates | by code, test | valid | distinct | tokens of a search | calls of a search | tokens of a test item | replies cut, test | minutes",
    differences: "difference, points | mean [95 %] | tasks above zero",
    tasks: [
      "task",
      ...present.map((row) => `candidates: ${row}`),
      ...present.map((row) => `test: ${row}`),
      "test: fixed",
      "test: direct",
    ].join(" | "),
  };
  const families = settings.families.map((family) =>
    [family, ...baselines.map(({ tasks }) => (family in tasks ? percent(tasks[family]) : ""))].join(" | "),
  );
  const hashes = [...seeds].map(
    ([seed, rows]) =>
      `- seed ${seed}: ${present
        .filter((row) => rows.has(row))
        .map((row) => `${row} ${rows.get(row).adapterHash?.slice(0, 12) ?? "without adapter"}`)
        .join(", ")}`,
  );
  return `# Learning on real models${half === "" ? "" : ", judged again"}

\`\`\`
${command}
\`\`\`

Designer ${settings.model}, executor ${settings.executor}; seeds ${[...seeds.keys()].join(", ")}. Trained on ${settings.families.join(", ")} (generated, or a dataset's train split where the name says so; nothing else), judged unforced (ε = 0, temperature ${settings["judge-temperature"]}) on tasks that no training saw. Earlier settings had been judged on them, and eight things were changed for what that showed ([which, and in what order](learn-real-settings.md)). What these became was chosen on the training families, as everything else was, or for time. Settings were fixed before these were opened: SHA-256 \`${hash}\`.${half === "" ? "" : AGAIN}

${markdownTable(heads.rows, table)}

${[...present, "fixed", "direct"].map((row) => `- ${row}: ${MEANING[row]}`).join("\n")}

Mean accuracy of candidates: on the block of ${settings.block} items that all candidates of an episode met; ${settings["judge-episodes"]} episodes × ${settings["judge-candidates"]} candidates a task and seed. Best, confirmed: the shrunk accuracy of what the row ends with, which is the direct call where no design was confirmed. Best of an episode: of its candidates on the same block, so too high for every row. Test: ${settings.test} items, opened after everything was chosen. Replies cut: those that ended at the limit of ${settings["judge-reply-tokens"]} tokens (${settings["reply-tokens"]} on the training families).

${markdownTable(heads.differences, differences)}

Intervals: 95 %, bootstrap drawn level by level over task, seed, episode and item (test: task, seed and item); a level with one branch is not drawn from, so that one seed says nothing about others. With ${settings.judged.length} tasks the draw over tasks is narrow by about a tenth. Last column: tasks whose own interval lies above zero.${
    equal.length === 0
      ? ""
      : ` At equal calls: candidates in the order they were drawn, as far as the calls of the cheaper of the two searches go (on average ${mean(equal.map(({ calls }) => calls)).toFixed(0)} calls, ${mean(equal.map(({ candidates }) => candidates)).toFixed(1)} of ${settings["judge-episodes"] * settings["judge-candidates"]} candidates); the confirmation has the same limits for both.`
  }

${markdownTable(heads.tasks, perTask)}

## What pays on the training families

${markdownTable(["family", ...baselines.map(({ title }) => title)].join(" | "), families)}

Of ${settings.pool} items each, replies of at most ${settings["reply-tokens"]} tokens, ${baselines.length} baselines of the first seed that is here.

## What was found

${found.map(({ task, best }) => `### ${task}\n\n${best.isBaseline ? "No design was confirmed; the direct call stays:" : `${best.title}:`}\n\n\`\`\`js\n${best.source.trim()}\n\`\`\``).join("\n\n")}

## How it was run

${notes.map((note) => `- ${note}`).join("\n")}
- adapters, by SHA-256 of their files: 
${hashes.map((line) => `  ${line}`).join("\n")}
${settings.executorSha256 ? `- executor's file: SHA-256 ${settings.executorSha256}\n` : ""}- machine: ${cpus().length} × ${cpus()[0]?.model?.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB.
`;
}
