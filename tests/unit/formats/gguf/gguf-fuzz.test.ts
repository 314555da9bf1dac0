/** @file Seeded fuzz of the pre-check: flips and cuts of a valid file end in an answer or a FormatError, fast. */
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { loadableProblems } from "../../../../src/formats/gguf/gguf-loadable.js";
import { tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { readGgufHeader } from "../../../../src/formats/gguf/read-gguf-header.js";
import { mutateBytes } from "../../../support/mutate-bytes.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_FUZZ_SEED ?? 20_261_122);
const MUTANTS = 10_000;
/** Of computing, which a busy machine does not lengthen; a hang shows as seconds. */
const MAX_MS = 1000;

const newFolder = useTemporaryFolder();

test(`${MUTANTS} mutants, seed ${SEED}`, () => {
  const folder = newFolder();
  const whole = tinyGgufBytes({ vocab: 260, blocks: 1, width: 32 });
  const path = join(folder, "mutant.gguf");
  writeFileSync(path, whole);
  const { dataOffset } = readGgufHeader(path);
  const random = new Random(SEED);
  const file = openSync(path, "r+");
  let refused = 0;
  let slowestMs = 0;
  for (let index = 0; index < MUTANTS; index++) {
    const mutant = mutateBytes(whole, random, {
      kinds: ["flip", "flip", "flip", "cut", "field"],
      structureEnd: dataOffset,
    });
    // Only headers differ: the tensors stay on the disk, unless the cut takes them.
    writeSync(file, mutant, 0, Math.min(mutant.length, dataOffset), 0);
    ftruncateSync(file, mutant.length);
    const started = process.cpuUsage();
    try {
      loadableProblems(readGgufHeader(path));
    } catch (error) {
      refused++;
      if (!(error instanceof FormatError) || !/^bad GGUF: .+: .+/s.test(error.message)) {
        throw new Error(`seed ${SEED}, mutant ${index}: ${String(error)}`, { cause: error });
      }
    }
    slowestMs = Math.max(slowestMs, process.cpuUsage(started).user / 1000);
  }
  closeSync(file);
  expect(slowestMs).toBeLessThan(MAX_MS);
  // Flips inside names and numbers are often harmless; most of the rest must be seen.
  expect(refused).toBeGreaterThan(MUTANTS / 4);
});
