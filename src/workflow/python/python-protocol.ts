/** @file Messages between the parent and the two kinds of Python process, and the limits of a program. */

export interface PythonLimits {
  /** Wall time of one program with its tests, start-up of the interpreter not counted. Default 5 000. */
  wallMs: number;
  /**
   * Most time added to `wallMs` for what the processes lost to others on a busy machine, so that load makes no right
   * program wrong. Default 0: the wall is hard. Linux only.
   */
  busyMs: number;
  /** Most memory of the interpreter, its own 20 MiB or so included. Default 512 MiB. */
  memoryBytes: number;
  /** Bytes kept of each of stdout and stderr. Default 1 MiB. */
  outputBytes: number;
  /** All files of a program together; they live in the interpreter's memory, never on disk. Default 16 MiB. */
  fileBytes: number;
  /** One value on its way between tests and program, as JSON. Default 4 MiB. */
  valueBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_PYTHON_LIMITS: Readonly<PythonLimits> = {
  wallMs: 5_000,
  busyMs: 0,
  memoryBytes: 512 * MIB,
  outputBytes: MIB,
  fileBytes: 16 * MIB,
  valueBytes: 4 * MIB,
};

/** Longest program that is looked at, in bytes of UTF-8. */
export const MAX_PROGRAM_BYTES = 256 * 1024;

/** Environment variable with the path of the picture of a started interpreter. */
export const SNAPSHOT_VARIABLE = "W4S_PYTHON_SNAPSHOT";

/** To the process that holds the program. It never hears of the tests. */
export type ToProgram =
  | { type: "run"; source: string; stdin: string; limits: PythonLimits }
  /** A request of the tests, to be answered by the program (python-program-source.ts). */
  | { type: "ask"; json: string };

export type FromProgram =
  | { type: "ran"; json: string; stdout: string; stderr: string; isMemoryShort: boolean }
  | { type: "answer"; json: string; isMemoryShort: boolean };

/** To the process that holds the tests. */
export type ToJudge =
  | { type: "judge"; nonce: string; json: string; valueBytes: number }
  | { type: "answer"; nonce: string; json: string };

export type FromJudge =
  | { type: "ask"; nonce: string; json: string }
  | { type: "verdict"; nonce: string; json: string };

/** Verdict of the judge's Python: null for a test that ran to its end, else what ended it. */
export interface Verdict {
  results: (TestFailure | null)[];
}

export interface TestFailure {
  /** Name of the exception. */
  type: string;
  message: string;
  /** Line of the program where it was raised; absent when the test itself raised. */
  line?: number | undefined;
}

/** End of the program itself; `error` is null when it came to its end. */
export interface ProgramEnd {
  error: (TestFailure & { exitCode?: number | undefined }) | null;
}
