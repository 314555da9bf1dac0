/** @file Order of the test files: the slowest come first, then those that start processes and train, so that no worker ends with one alone. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, the longest first. */
const SLOWEST = [
  ...[
    "e2e/learn-kills",
    "e2e/learn-collaboration",
    "e2e/learn-planned",
    "e2e/learn-apart",
    "e2e/demo",
    "e2e/learn",
    "e2e/kill-resume",
  ],
  ...["e2e/cli-train", "e2e/learn-test-split", "conformance/hostile-py", "conformance/odd-servers"],
  ...["native/local-model", "e2e/eval-suite", "e2e/faults", "unit/train/gradients/full-gradients"],
  ...[
    "unit/workflow/python/python-sandbox",
    "e2e/reward-and-audit",
    "e2e/cli-runs",
    "conformance/hostile-js",
  ],
].map((name) => `/tests/${name}.test.ts`);
const FOLDERS = ["e2e", "conformance", "native", "golden", ""].map((name) => `/tests/${name}`);

export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = [...SLOWEST, ...FOLDERS];
    const rank = ({ moduleId }: TestSpecification) => order.findIndex((part) => moduleId.includes(part));
    // Within a folder as Vitest orders them: failed ones, then slow ones, as far as it knows.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
