/** @file The parent's side of one program: its limits, and the questions the tests ask of it. */
import { randomBytes } from "node:crypto";
import type { CheckStatus } from "../../core/program-runner.js";
import type { SandboxChild } from "../sandbox/child-pool.js";
import { watchMemory } from "../watch-memory.js";
import { patientTimeout } from "./patient-timeout.js";
import type {
  FromJudge,
  FromProgram,
  ProgramEnd,
  PythonLimits,
  TestFailure,
  ToJudge,
  ToProgram,
  Verdict,
} from "./python-protocol.js";

export type ProgramChild = SandboxChild<ToProgram, FromProgram>;
export type JudgeChild = SandboxChild<ToJudge, FromJudge>;

/** End of a program, and of the tests on it where there are any. */
export interface PythonEnd {
  status: CheckStatus;
  stdout: string;
  stderr: string;
  /** Reason why the program itself did not come to its end. */
  failure?: (TestFailure & { exitCode?: number | undefined }) | undefined;
  /** One for each test, in order; empty where the tests were not judged. */
  results: (TestFailure | null)[];
  /** The judge was given up in the middle of its work and must not be used again. */
  isJudgeSpent: boolean;
  /** The judge's process died or had grown too big, which is not the program's doing: the check can be tried again. */
  isJudgeLost: boolean;
}

export interface PythonRequest {
  source: string;
  stdin: string;
  limits: PythonLimits;
  signal?: AbortSignal | undefined;
}

/** Tests and who judges them. */
export interface JudgeRequest {
  child: JudgeChild;
  tests: readonly string[];
  entryPoint: string;
}

/** Message of the border in either interpreter (python-values-source.ts). */
const TOO_BIG = "the value is too big";

/**
 * Runs a program and then, where `judge` is given, tests on it. The program's process is spent afterwards.
 * Only the judge's process can pass a program: it answers under a number drawn for this one check, from an interpreter
 * that the program shares nothing with.
 * @throws the signal's reason; whatever the program does is told in the result
 */
export function runPython(
  program: ProgramChild,
  request: PythonRequest,
  judge: JudgeRequest | undefined,
): Promise<PythonEnd> {
  const { limits, signal } = request;
  return new Promise((resolve, reject) => {
    let end: PythonEnd = {
      status: "failed",
      stdout: "",
      stderr: "",
      results: [],
      isJudgeSpent: false,
      isJudgeLost: false,
    };
    let isOver = false;
    let isJudging = false;
    const nonce = randomBytes(16).toString("hex");
    const cleanups: (() => void)[] = [];
    const finish = (last: Partial<PythonEnd>) => {
      if (isOver) return;
      isOver = true;
      for (const cleanup of cleanups) cleanup();
      end = { ...end, ...last, isJudgeSpent: isJudging };
      resolve(end);
    };
    const stop = (status: CheckStatus, message: string) =>
      finish({ status, failure: { type: "Stopped", message } });
    const abort = () => {
      if (isOver) return;
      isOver = true;
      for (const cleanup of cleanups) cleanup();
      reject(signal?.reason);
    };

    const pids = [program.process.pid, ...(judge ? [judge.child.process.pid, process.pid] : [])];
    signal?.addEventListener("abort", abort, { once: true });
    cleanups.push(
      patientTimeout(pids, limits.wallMs, limits.busyMs, () =>
        stop("timed-out", `stopped: the time limit of ${limits.wallMs} ms was reached`),
      ),
      () => signal?.removeEventListener("abort", abort),
      watchMemory(program.process.pid, limits.memoryBytes, () =>
        stop("out-of-memory", `stopped: more than ${limits.memoryBytes} bytes of memory`),
      ),
    );
    if (judge) {
      cleanups.push(
        watchMemory(judge.child.process.pid, limits.memoryBytes, () =>
          // A judge has served others before: a fresh one tells whether it was these tests.
          finish({
            isJudgeLost: true,
            status: "out-of-memory",
            failure: { type: "Stopped", message: "stopped: the tests need too much memory" },
          }),
        ),
      );
      void judge.child.process.exited.then(() =>
        finish({
          isJudgeLost: true,
          failure: { type: "Stopped", message: "the tests ended their own process" },
        }),
      );
    }
    void program.process.exited.then(({ exitCode, exitSignal }) => {
      // V8 aborts, and the kernel kills, where memory has run out.
      const isOutOfMemory = exitSignal === "SIGABRT" || exitSignal === "SIGKILL";
      const how = exitSignal ? `by ${exitSignal}` : `with exit code ${exitCode}`;
      const message = `the program's process ended ${how}`;
      finish({ status: isOutOfMemory ? "out-of-memory" : "failed", failure: { type: "Stopped", message } });
    });

    let isMemoryShort = false;
    program.onMessage = (message) => {
      isMemoryShort ||= message.isMemoryShort;
      if (message.type === "ran") onRan(message);
      else if (message.json.length > limits.valueBytes) stop("too-big", "a value of the program is too big");
      else judge?.child.post({ type: "answer", nonce, json: message.json });
    };
    const onRan = ({ json, stdout, stderr }: Extract<FromProgram, { type: "ran" }>) => {
      end = { ...end, stdout, stderr };
      const { error } = parse<ProgramEnd>(json) ?? { error: { type: "Error", message: "no result" } };
      if (error) {
        finish({ status: isMemoryShort ? "out-of-memory" : "failed", failure: error });
      } else if (judge) {
        isJudging = true;
        const { tests, entryPoint } = judge;
        const task = JSON.stringify({ tests, entryPoint, room: limits.valueBytes });
        judge.child.post({ type: "judge", nonce, json: task, valueBytes: limits.valueBytes });
      } else {
        finish({ status: "passed" });
      }
    };
    if (judge) {
      judge.child.onMessage = (message) => {
        if (message.nonce !== nonce) return;
        if (message.type === "ask") program.post({ type: "ask", json: message.json });
        else {
          isJudging = false;
          onVerdict(message.json);
        }
      };
    }
    const onVerdict = (json: string) => {
      const results = parse<Verdict>(json)?.results;
      if (!results) {
        finish({ failure: { type: "Stopped", message: "the tests broke their own interpreter" } });
        return;
      }
      // One result for each test: fewer means that the judge itself broke down.
      const isPassed = results.length === judge?.tests.length && results.every((result) => result === null);
      const isTooBig = results.some((result) => result?.message === TOO_BIG);
      const status = isMemoryShort ? "out-of-memory" : isTooBig ? "too-big" : "failed";
      finish({ status: isPassed ? "passed" : status, results });
    };
    if (signal?.aborted) abort();
    else program.post({ type: "run", source: request.source, stdin: request.stdin, limits });
  });
}

function parse<T>(json: string): T | undefined {
  try {
    return JSON.parse(json) as T;
  } catch {
    return undefined;
  }
}
