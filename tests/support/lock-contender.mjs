/** @file Contends for the lock of one directory after another, in step with its rivals; prints who got each. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockRun } from "../../dist/core/lock-run.js";

const [name, contenders, meetingPoint, ...directories] = process.argv.slice(2);

/** Busy, so that all go off within microseconds. */
function waitFor(condition) {
  const deadline = Date.now() + 120_000;
  while (!condition()) if (Date.now() > deadline) throw new Error(`${name} waited in vain`);
}

const countOf = (prefix) => readdirSync(meetingPoint).filter((file) => file.startsWith(prefix)).length;

for (const [round, directory] of directories.entries()) {
  writeFileSync(join(meetingPoint, `ready-${round}-${name}`), "");
  waitFor(() => countOf(`ready-${round}-`) === Number(contenders));
  try {
    const release = lockRun(directory);
    process.stdout.write(`${round} held\n`);
    // Held until every other has been refused: a rival that got the lock too would never be.
    try {
      waitFor(
        () =>
          countOf(`lost-${round}-`) === Number(contenders) - 1 || existsSync(join(meetingPoint, "give-up")),
      );
    } catch {
      writeFileSync(join(meetingPoint, "give-up"), "");
    }
    release();
  } catch (error) {
    process.stdout.write(`${round} ${error.code}\n`);
    writeFileSync(join(meetingPoint, `lost-${round}-${name}`), "");
  }
}
