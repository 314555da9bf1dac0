/** @file examples/robot and the report of its run: offline, with the embedded model and the simulated executor. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { steerRobot } from "../../examples/robot/steer-robot.js";
import { useCliHost } from "../support/cli-host.js";
import { recheckRobotTrace } from "../support/recheck-robot-trace.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();

describe("examples/robot", () => {
  let work: string;
  let made: Awaited<ReturnType<typeof steerRobot>>;
  beforeAll(async () => {
    work = folder();
    made = await steerRobot(join(work, "runs"));
  });

  it("designs a workflow, steers a robot with it behind the rule layer, and draws the way", () => {
    const { isSimulated, test, run, drawing } = made;
    expect(isSimulated).toBe(true);
    expect(test.map(({ name }) => name)).toContain("best");
    expect(test.every(({ n, statusCounts }) => n === 6 && statusCounts.ok === 6)).toBe(true);
    expect(run.status).toBe("ok");
    const details = run.score?.details as unknown as Parameters<typeof recheckRobotTrace>[0];
    expect(recheckRobotTrace(details)).toMatchObject({ unsafe: 0, needlessStops: 0 });
    expect(drawing?.split("\n")).toHaveLength(details.map.length);
    expect(drawing).toMatch(/S/);
  });

  it("leaves replays of the same items for the first baseline and the best, which the report draws", async () => {
    const { replays } = JSON.parse(readFileSync(join(made.directory, "replays.json"), "utf8"));
    const report = await runCli(["report", made.directory], { cwd: work });
    expect(report, report.stderr).toMatchObject({ code: 0 });
    const page = readFileSync(join(made.directory, "report.html"), "utf8");
    expect(page.match(/<svg class="replay"/g)).toHaveLength(replays.length);
    expect(new Set(replays.map(({ sampleId }: { sampleId: string }) => sampleId)).size).toBe(3);
    for (const { sampleId, map } of replays) {
      expect(page).toContain(`Map of ${sampleId}`);
      expect(map.length).toBeGreaterThan(3);
    }
  });

  it("runs one item at the command line and draws it", async () => {
    const args = ["run", made.directory, "--task", "robot-rooms", "--item", "robot-rooms/validation/0001"];
    const result = await runCli([...args, "--executor", "simulated", "--weak", "none"], { cwd: work });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).toMatch(/score [\d.]+: .*cells \(shortest \d+\), \d+ stopped.*, \d+ calls/);
    expect(result.stderr).toMatch(/^#+$/m);
    expect(Array.isArray(JSON.parse(result.stdout))).toBe(true);
  });
});
