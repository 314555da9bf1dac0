/** @file Order of the test files: those that start processes and train come first, so that no worker ends with one alone. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const FOLDERS = ["e2e", "conformance", "native", "golden"];

export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = FOLDERS.findIndex((folder) => moduleId.includes(`/tests/${folder}/`));
      return index < 0 ? FOLDERS.length : index;
    };
    // Within a folder as Vitest orders them: failed ones, then slow ones, as far as it knows.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
