/** @file Thread of the judge: the interpreter with the tests. Blocks while the program is asked for a value. */
import { parentPort } from "node:worker_threads";
import { messageOf } from "../../core/errors.js";
import { bootPython } from "./boot-python.js";
import { lockDown, seal } from "./lock-down.js";
import { DEFAULT_PYTHON_LIMITS } from "./python-protocol.js";

const port = parentPort;
if (!port) throw new Error("this file is a thread of python-judge-child");
lockDown();
const python = await bootPython();
const [judge] = python.functions("judge", ["judge"]);
// Tests are code from outside too.
python.shut();
seal();
python.setLimits({ ...DEFAULT_PYTHON_LIMITS, outputBytes: 0, stdin: "" });

port.on("message", ({ json, answerBuffer }: { json: string; answerBuffer: SharedArrayBuffer }) => {
  const state = new Int32Array(answerBuffer, 0, 2);
  const text = new Uint16Array(answerBuffer, 8);
  const ask = (question: string): string => {
    Atomics.store(state, 0, 0);
    port.postMessage({ type: "ask", json: question });
    Atomics.wait(state, 0, 0);
    return decode(text.subarray(0, state[1]));
  };
  let verdict: string;
  try {
    verdict = String(judge?.(json, ask));
  } catch (error) {
    verdict = JSON.stringify({
      results: [{ type: "InterpreterError", message: messageOf(error, 200) }],
    });
  }
  port.postMessage({ type: "verdict", json: verdict });
});
port.postMessage("ready");

/** In pieces: a call takes only so many arguments. */
function decode(codes: Uint16Array): string {
  let out = "";
  for (let i = 0; i < codes.length; i += 8192) out += String.fromCharCode(...codes.subarray(i, i + 8192));
  return out;
}
