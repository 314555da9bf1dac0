/** @file `w4s learn` killed in every phase of its first round, and before it. */
import { it } from "vitest";
import { startLearnBench } from "../support/learn-bench.js";
import { killInRound, SEED } from "../support/learn-kills.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

it(`ends like an undisturbed run after kills in all phases of round 1 (seed ${SEED})`, async () => {
  const bench = await startLearnBench(newFolder());
  try {
    await killInRound(1, bench);
  } finally {
    await bench.server.close();
  }
});
