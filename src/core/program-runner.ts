/** @file What scorers and workflows need of a sandbox for programs; the implementation lives in workflow/. */

/** Output of a program that ran by itself. */
export interface ProgramRun {
  /** True when the program came to its end without an error, within all limits. */
  isOk: boolean;
  /** Standard output, cut at its limit. */
  stdout: string;
  /** Its own error output, then the traceback or the limit that stopped it. */
  stderr: string;
}

export type CheckStatus = "passed" | "failed" | "timed-out" | "out-of-memory" | "too-big";

/** Verdict of tests on a program. */
export interface ProgramCheck {
  /** "passed" only when every test ran to its end. */
  status: CheckStatus;
  passed: number;
  failed: number;
  /** One line for each test that did not hold; they may quote the tests, so only public ones may be shown. */
  errors: string[];
  /** Reason for not passing, without a word of the tests: "AssertionError", "NameError in line 3 of the program". */
  reason: string;
}

/** Runs Python programs that nobody vouches for, each in an interpreter of its own. */
export interface ProgramRunner {
  /**
   * @param options.stdin - text the program reads; default none
   * @throws W4sError when no sandbox can be had; whatever the program does is told in the result
   */
  run(
    program: string,
    options?: { stdin?: string | undefined; signal?: AbortSignal | undefined },
  ): Promise<ProgramRun>;
  /**
   * @param tests - Python source, each piece judged for itself and all of them on one run of the program
   * @param options.entryPoint - the function under test, also where it hides a built-in of that name
   * @throws W4sError when no sandbox can be had
   */
  check(
    program: string,
    tests: readonly string[],
    options: { entryPoint: string; signal?: AbortSignal | undefined },
  ): Promise<ProgramCheck>;
}
