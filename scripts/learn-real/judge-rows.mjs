/** @file The judged half of the evidence: each row designs, unforced, for tasks it was not trained on; everything is the product's own code. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runConfigSchema } from "../../dist/config/run-config.js";
import { seedFrom } from "../../dist/core/hash.js";
import { mean } from "../../dist/core/statistics.js";
import { EpisodeRace } from "../../dist/design/race.js";
import { RandomPolicy } from "../../dist/design/random-policy.js";
import { LocalModels } from "../../dist/evaluate/local-models.js";
import { resolveModel } from "../../dist/hub/model-hub.js";
import { LocalModel } from "../../dist/llm/local/local-model.js";
import { planThreads } from "../../dist/llm/local/plan-threads.js";
import { confirmBest } from "../../dist/run/confirm-best.js";
import { isInterruption } from "../../dist/run/is-interruption.js";
import { localPolicy } from "../../dist/run/local-policy.js";
import { Run } from "../../dist/run/run.js";
import { playSideBySide } from "../../dist/run/side-by-side.js";
import { TaskOpener } from "../../dist/run/task-opener.js";
import { searchCalls, upTo } from "./equal-calls.mjs";
import { LANES } from "./plan.mjs";

/** Rows that are held against each other at equal calls. */
const EQUAL = ["trained", "random"];

/**
 * Judges rows that no earlier session finished, one after the other; equal calls are paid once for all of them.
 * @param rows - `{ name, adapter }`, adapter a path, or undefined for the bare model; the row `random` has no model
 * @param order.half - what the names of this judging's folders end with
 * @param order.fixed - name of the fixed baseline that was best on the training families, with its title
 * @param order.onRow - called when the file of a row is there
 * @returns false where the minutes were over before the end
 */
export async function judgeRows(rows, settings, order) {
  const { folder, half, seed, threads, tasks, fixed, minutesLeft, say } = order;
  const done = (name) => join(folder, `rows${half}`, `${name}.json`);
  const left = rows.filter(({ name }) => !existsSync(done(name)));
  if (left.length === 0 && existsSync(done("equal"))) return true;
  if (minutesLeft() <= 0) return false;
  mkdirSync(join(folder, `rows${half}`), { recursive: true });
  const config = runConfigSchema.parse({
    ...{
      task: "learn-real",
      model: settings.model,
      executor: settings.executor,
      weak: "none",
      gpu: "off",
      threads,
    },
    ...{
      episodes: settings["judge-episodes"],
      turns: 1,
      candidates: settings["judge-candidates"],
      explore: 0,
    },
    ...{
      temperature: settings["judge-temperature"],
      promptStyle: settings.promptStyle,
      without: settings.without.join(","),
      maxRepairs: 0,
      screen: settings.block,
      confirm: settings.confirm,
    },
    ...{
      validationLimit: settings["judge-pool"],
      testLimit: settings.test,
      instructions: 0,
      concurrency: LANES,
    },
    ...{
      baselines: [...new Set(["direct", fixed])].join(","),
      maxTokens: settings["judge-reply-tokens"],
      seed,
    },
    ...{
      limits: { wallMs: 1_800_000 },
      budget: { minutes: minutesLeft() },
      runsRoot: folder,
      run: `judge${half}`,
    },
  });
  const local = new LocalModels(config, resolveModel);
  const opener = new TaskOpener(config, local.resolve);
  let run;
  try {
    const opened = [];
    for (const task of tasks) opened.push(await opener.load(task));
    run = await Run.open(config, {
      ...{ command: "optimize", label: "learn-real", policy: "several", local, tasks: opener, hooks: {} },
      inputs: { taskHashes: opened.map(({ hash }) => hash) },
    });
    const benches = [];
    for (const task of opened) benches.push(await run.bench(task));
    const starts = await Promise.all(benches.map((bench) => bench.baselines()));
    const keep = (name, figures) => {
      writeFileSync(done(name), `${JSON.stringify(figures, null, 1)}\n`);
      order.onRow();
    };
    for (const row of left) {
      say(`judging ${row.name}`);
      keep(row.name, await judgeRow(run, benches, starts, row, order.fixedTitle));
    }
    say(`judging ${EQUAL.join(" and ")} at equal calls`);
    const equal = EQUAL.map((name) => rows.find((row) => row.name === name));
    keep("equal", await judgeEqual(run, benches, starts, equal));
    return true;
  } catch (error) {
    if (!isInterruption(error)) throw error;
    return false;
  } finally {
    await run?.[Symbol.asyncDispose]();
    await opener[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  }
}

async function judgeRow(run, benches, starts, row, fixed) {
  const startedAt = performance.now();
  const { found, turns, adapterHash } = await design(run, benches, starts, row);
  const own = found.map((episodes) => episodes.flat());
  const ends = await endsOf(benches, starts, own, row.name, ([direct, ...others]) => [
    { ...direct, name: "direct" },
    { ...(others.find(({ title }) => title === fixed) ?? direct), name: "fixed" },
  ]);
  const tasks = benches.map((bench, at) => ({
    task: bench.task.name,
    episodes: turns[at].map((turn) => episodeFigures(bench, starts[at], turn, found[at][turn.episode])),
    searchTokens: own[at].reduce((sum, { evaluation }) => sum + evaluation.tokens, 0),
    searchCalls: searchCalls(own[at]),
    ...ends[at],
  }));
  const seconds = (performance.now() - startedAt) / 1000;
  return { row: row.name, seed: run.config.seed, adapterHash, tasks, seconds };
}

/** What rows end with where the search of each is cut at the calls of the cheaper one, task by task; the confirmation has the same limits for both. */
async function judgeEqual(run, benches, starts, rows) {
  const searches = [];
  for (const row of rows) {
    const { found } = await design(run, benches, starts, row);
    searches.push(found.map((episodes) => episodes.flat()));
  }
  const most = benches.map((_, at) => Math.min(...searches.map((own) => searchCalls(own[at]))));
  const tasks = benches.map((bench, at) => ({ task: bench.task.name, calls: most[at], rows: {} }));
  for (const [number, { name }] of rows.entries()) {
    const own = searches[number].map((all, at) => upTo(all, most[at]));
    const ends = await endsOf(benches, starts, own, name, () => []);
    for (const [at, { confirmed, test }] of ends.entries())
      tasks[at].rows[name] = {
        ...{ candidates: own[at].length, calls: searchCalls(own[at]) },
        ...{ confirmed, test: test[name] },
      };
  }
  return { seed: run.config.seed, tasks };
}

/**
 * The workflow that each task's search ends with. Test is opened when all are chosen, for them and for what stands beside them.
 * @param own - candidates by task
 * @param beside - from a task's baselines to rows that are tested too
 */
async function endsOf(benches, starts, own, name, beside) {
  const chosen = await Promise.all(
    benches.map(async (bench, at) => {
      const [direct] = starts[at];
      const choice = await confirmBest(bench, [direct], own[at]);
      return choice ?? { best: direct, estimate: direct.evaluation };
    }),
  );
  const ends = [];
  for (const [at, bench] of benches.entries()) {
    const { best, estimate } = chosen[at];
    const rows = [...beside(starts[at]), { ...best, name }];
    const tested = await bench.finalTest(rows, `${name} on ${bench.task.name}`, best.hash);
    const isBaseline = best.hash === starts[at][0].hash;
    ends.push({
      confirmed: estimate.accuracy,
      best: { title: best.title, hash: best.hash, source: best.source, isBaseline },
      test: Object.fromEntries(tested.map(({ row, evaluation }) => [row.name, testFigures(evaluation)])),
    });
  }
  return ends;
}

/** Episodes of all tasks side by side; the designer's model is closed after them. */
async function design(run, benches, starts, { name, adapter }) {
  const { config } = run;
  const folder = join(run.directory.path, "designs", name);
  mkdirSync(folder, { recursive: true });
  const model =
    name === "random"
      ? undefined
      : await LocalModel.load({
          ...{ modelPath: await resolveModel(config.model), adapterPath: adapter },
          ...{ gpu: "off", threads: planThreads(true, config.threads).weak },
        });
  const logs = [];
  try {
    const policy = model ? localPolicy(model, config) : new RandomPolicy();
    for (const bench of benches) logs.push(bench.openLog(join(folder, `${bench.task.name}.jsonl`), policy));
    const seats = benches.flatMap((bench, at) =>
      Array.from({ length: config.episodes }, (_, episode) => ({ bench, at, episode })),
    );
    const played = await playSideBySide(seats.length, run.signal, (number, seat) => {
      const { bench, at, episode } = seats[number];
      // Rows share the draws of their episodes, so that two designers are compared and not two lucks.
      const drawSeed = seedFrom(config.seed, "judge", bench.task.name);
      const order = { log: logs[at], seat, starts: starts[at].slice(0, 1), draws: { drawSeed } };
      return bench.episode(policy, order, episode);
    });
    return {
      found: benches.map((_, at) => played.filter((_, number) => seats[number].at === at)),
      turns: logs.map((log) => log.turns()),
      adapterHash: model?.info.adapterHash ?? null,
    };
  } finally {
    for (const log of logs) log.close();
    await model?.close();
  }
}

/** An episode on the block that all its candidates met: later blocks went to the promising ones only. */
function episodeFigures(bench, [direct], turn, workflows) {
  const { screen, turns } = bench.settings;
  const race = new EpisodeRace({ validation: bench.validation, draws: { screen, turns } }, [direct]);
  const block = race.orderOf({ episode: turn.episode, turn: 0 }).slice(0, screen);
  const results = new Map(
    workflows.map(({ hash, evaluation }) => [
      hash,
      new Map(evaluation.results.map((one) => [one.sampleId, one])),
    ]),
  );
  const own = turn.candidates.filter(({ outcome }) => outcome !== "lost");
  const of = ({ workflowHash }, { id }) => results.get(workflowHash)?.get(id);
  return {
    episode: turn.episode,
    candidates: own.length,
    valid: own.filter(({ outcome }) => outcome !== "invalid").length,
    distinct: new Set(own.map(({ workflowHash }) => workflowHash)).size,
    techniques: own.map(({ techniques }) => techniques),
    /** By item, the mean over the candidates; an invalid one answers nothing. */
    scores: block.map((item) => mean(own.map((one) => of(one, item)?.score ?? 0))),
    byCode: mean(block.flatMap((item) => own.map((one) => Number(of(one, item)?.byCode === true)))),
    /** On the same items the best candidate, which was chosen by them: too high by that. */
    best: Math.max(0, ...own.map((one) => mean(block.map((item) => of(one, item)?.score ?? 0)))),
  };
}

function testFigures({ results, tokens, calls, replies, cutReplies }) {
  const known = results.filter(({ status }) => status !== "error");
  return {
    scores: Object.fromEntries(known.map(({ sampleId, score }) => [sampleId, score])),
    byCode: mean(known.map(({ byCode }) => Number(byCode === true))),
    tokens: tokens / Math.max(1, known.length),
    calls: calls / Math.max(1, known.length),
    /** Share of the replies that ended at the limit of tokens. */
    cut: cutReplies / Math.max(1, replies),
  };
}
