/** @file The Python sandbox: programs nobody vouches for in, tagged results out. */
import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { NoSandboxError } from "../../core/errors.js";
import { hashJson } from "../../core/hash.js";
import { ChildExitError } from "../../core/managed-child.js";
import type { ProgramCheck, ProgramRun, ProgramRunner } from "../../core/program-runner.js";
import { cutBytes, plainLines } from "../plain-text.js";
import { ChildPool } from "../sandbox/child-pool.js";
import {
  DEFAULT_PYTHON_LIMITS,
  type FromJudge,
  type FromProgram,
  MAX_PROGRAM_BYTES,
  type PythonLimits,
  type TestFailure,
  type ToJudge,
  type ToProgram,
} from "./python-protocol.js";
import { pythonSnapshot } from "./python-snapshot.js";
import { type PythonEnd, type PythonRequest, runPython } from "./run-python.js";
import { startPython } from "./start-python.js";

export interface PythonSandboxOptions {
  /** Programs at once. Default: cores, at most 4. Each takes one process, and each check a second one for its tests. */
  processes?: number | undefined;
  /** Defaults: see PythonLimits. */
  limits?: Partial<PythonLimits> | undefined;
  /** Folder for the picture of a started interpreter. Default: `python/` in the cache folder of w4s. */
  snapshotFolder?: string | undefined;
}

const MAX_ERROR_BYTES = 500;
/** Outputs that are remembered, and the longest of them in characters. */
const MAX_KNOWN = 4096;
const MAX_KNOWN_CHARACTERS = 4096;

interface TestsOfProgram {
  tests: readonly string[];
  entryPoint: string;
}

/**
 * Sandbox for Python programs: Pyodide inside killable processes: no file, process or connection of the host within reach, an empty
 * environment, limits of time, memory, output and files, and a fresh interpreter for every program. Tests run in another
 * process than the program and ask it for values, so that it can neither read nor rewrite them. Nothing starts before
 * the first program comes.
 */
export class PythonSandbox implements ProgramRunner {
  readonly #programs: ChildPool<ToProgram, FromProgram>;
  readonly #judges: ChildPool<ToJudge, FromJudge>;
  readonly limits: Readonly<PythonLimits>;
  readonly #snapshotFolder: string | undefined;
  #snapshot: Promise<string | undefined> | undefined;
  /** What programs printed, by program and input, the longest unused first: a start costs half a second of processor time. */
  readonly #known = new Map<string, ProgramRun>();

  constructor({ processes, limits = {}, snapshotFolder }: PythonSandboxOptions = {}) {
    const size = processes ?? Math.min(availableParallelism(), 4);
    this.limits = { ...DEFAULT_PYTHON_LIMITS, ...limits };
    this.#snapshotFolder = snapshotFolder;
    // One more than run at once: a process serves one program, and the next one is ready when it is spent.
    this.#programs = new ChildPool(size + 1, () => this.#start("program"));
    this.#judges = new ChildPool(size, () => this.#start("judge"));
  }

  async run(
    program: string,
    { stdin = "", signal }: { stdin?: string | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<ProgramRun> {
    const refusal = refuse(program);
    if (refusal !== undefined) return { isOk: false, stdout: "", stderr: refusal };
    signal?.throwIfAborted();
    const name = hashJson([program, stdin]);
    const known = this.#known.get(name);
    if (known) this.#remember(name, known);
    return known ?? (await this.#runAnew(name, { source: program, stdin, limits: this.limits, signal }));
  }

  async #runAnew(name: string, request: PythonRequest): Promise<ProgramRun> {
    const end = await this.#execute(request);
    const { stdout, stderr, failure } = end;
    const isOk = end.status === "passed" || failure?.exitCode === 0;
    // A traceback is in stderr already; what ended the program from outside is not.
    const isFromOutside = failure?.type === "Stopped" || failure?.type === "InterpreterError";
    const run = { isOk, stdout, stderr: isFromOutside ? `${stderr}${failureText(failure)}\n` : stderr };
    // What a limit stopped may get further on a machine with more to spare.
    if (!isFromOutside && stdout.length + stderr.length <= MAX_KNOWN_CHARACTERS) this.#remember(name, run);
    return run;
  }

  #remember(name: string, run: ProgramRun): void {
    this.#known.delete(name);
    this.#known.set(name, run);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value as string);
  }

  async check(
    program: string,
    tests: readonly string[],
    { entryPoint, signal }: { entryPoint: string; signal?: AbortSignal | undefined },
  ): Promise<ProgramCheck> {
    const refusal = refuse(program);
    if (refusal !== undefined) return failedCheck("failed", tests.length, refusal, refusal);
    const request = { source: program, stdin: "", limits: this.limits, signal };
    return toCheck(await this.#execute(request, { tests, entryPoint }), tests);
  }

  /** Ends all processes; programs that are still running reject. */
  async close(): Promise<void> {
    await Promise.all([this.#programs.close(), this.#judges.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #execute(request: PythonRequest, tests?: TestsOfProgram): Promise<PythonEnd> {
    const { signal } = request;
    signal?.throwIfAborted();
    // One signal may end hundreds of programs; each listens to it.
    if (signal) setMaxListeners(0, signal);
    try {
      const end = await this.#executeOnce(request, tests);
      return end.isJudgeLost ? await this.#executeOnce(request, tests) : end;
    } catch (error) {
      if (!(error instanceof ChildExitError)) throw error;
      throw new NoSandboxError(`the Python sandbox does not start: ${error.message}`, {
        hint: "programs are never run outside it; check that this Node can run a child process, then try again",
        cause: error,
      });
    }
  }

  async #executeOnce(request: PythonRequest, tests: TestsOfProgram | undefined): Promise<PythonEnd> {
    const judge = tests ? await this.#judges.take(request.signal) : undefined;
    let isJudgeSpent = true;
    try {
      const program = await this.#programs.take(request.signal);
      try {
        const end = await runPython(
          program,
          request,
          judge && tests ? { child: judge, ...tests } : undefined,
        );
        isJudgeSpent = end.isJudgeSpent || end.isJudgeLost;
        return end;
      } finally {
        this.#programs.release(program, false);
      }
    } finally {
      if (judge) this.#judges.release(judge, !isJudgeSpent);
    }
  }

  async #start(kind: "program" | "judge") {
    this.#snapshot ??= pythonSnapshot(this.#snapshotFolder);
    return await startPython(kind, await this.#snapshot);
  }
}

function toCheck(end: PythonEnd, tests: readonly string[]): ProgramCheck {
  const { status, failure, results } = end;
  if (failure || results.length !== tests.length) {
    const reason = failure ? placeOf(failure) : "the tests were not judged";
    return failedCheck(status, tests.length, reason, failure ? failureText(failure) : reason);
  }
  const errors = results.flatMap((result, index) =>
    result ? [bounded(`${tests[index]?.trim()}: ${failureText(result)}`)] : [],
  );
  const first = results.find((result) => result !== null);
  return {
    status,
    passed: results.length - errors.length,
    failed: errors.length,
    errors,
    reason: first ? placeOf(first) : "",
  };
}

function failedCheck(
  status: ProgramCheck["status"],
  count: number,
  reason: string,
  error: string,
): ProgramCheck {
  return { status, passed: 0, failed: count, errors: [bounded(error)], reason: bounded(reason) };
}

function failureText({ type, message, line }: TestFailure): string {
  if (type === "Stopped") return message;
  return `${type}${message ? `: ${message}` : ""}${line === undefined ? "" : ` (line ${line} of the program)`}`;
}

/** Text of a failure without its message, which may quote a test. */
function placeOf({ type, message, line }: TestFailure): string {
  if (type === "Stopped") return message;
  return `${bounded(type)}${line === undefined ? "" : ` in line ${line} of the program`}`;
}

function bounded(text: string): string {
  return cutBytes(plainLines(text), MAX_ERROR_BYTES, "…");
}

/** Reason why a program is not even tried. */
function refuse(program: string): string | undefined {
  if (Buffer.byteLength(program) > MAX_PROGRAM_BYTES) {
    return `the program is longer than ${MAX_PROGRAM_BYTES} bytes`;
  }
  return program.isWellFormed() ? undefined : "the program holds half a surrogate pair";
}
