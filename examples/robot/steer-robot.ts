/** @file Designs a robot workflow, then draws one run of it. Node 22.18 and newer: `node examples/robot/steer-robot.ts`. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadRunConfig, loadTask, optimize, resolveModel, WorkflowRunner } from "w4s";
import { drawRobotRun } from "w4s/tasks";

/** @param runsRoot - where the run directory goes */
export async function steerRobot(runsRoot = "runs") {
  const file = fileURLToPath(new URL("w4s.config.yaml", import.meta.url));
  const config = { ...loadRunConfig({ file }), runsRoot };
  const { best, directory, isSimulated, test } = await optimize(config, { resolveModelFile: resolveModel });
  if (!best) throw new Error(`no workflow was evaluated; see ${directory}`);

  const task = await loadTask(config.task);
  const [world] = await task.load("train");
  if (!world) throw new Error("the task has no items");
  const robot = await WorkflowRunner.open(config, { resolveModelFile: resolveModel });
  try {
    const run = await robot.play(best.source, world, task.scorer);
    return { directory, isSimulated, test, run, drawing: drawRobotRun(run.score?.details) };
  } finally {
    await robot.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { directory, test, run, drawing } = await steerRobot();
  for (const row of test)
    console.log(`${row.title}: ${row.accuracy.toFixed(3)} (n = ${row.n}, simulated executor)`);
  console.log(`${drawing ?? run.error}\n${run.score?.extracted ?? run.status}\n${directory}`);
}
