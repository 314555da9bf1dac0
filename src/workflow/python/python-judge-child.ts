/** @file Process that holds the tests: a thread with the interpreter, which waits while the program is asked. */
import { Worker } from "node:worker_threads";
import { serveParent } from "../../core/serve-parent.js";
import type { FromJudge, ToJudge } from "./python-protocol.js";

const worker = new Worker(new URL("./python-judge-worker.js", import.meta.url), { stdin: false });
await new Promise<void>((resolve, reject) => {
  worker.once("message", () => resolve());
  worker.once("error", reject);
});

let answerBuffer: SharedArrayBuffer | undefined;
let nonce = "";

serveParent((raw, send) => {
  const message = raw as ToJudge;
  if (message.type === "judge") {
    nonce = message.nonce;
    // State and length, then text: two bytes for each character. Kept: a fresh one for each check would pile up.
    const sizeBytes = 8 + 2 * message.valueBytes;
    if (answerBuffer?.byteLength !== sizeBytes) answerBuffer = new SharedArrayBuffer(sizeBytes);
    worker.removeAllListeners("message");
    worker.on("message", (reply: { type: FromJudge["type"]; json: string }) => send({ ...reply, nonce }));
    worker.postMessage({ json: message.json, answerBuffer });
  } else if (message.nonce === nonce && answerBuffer) {
    const state = new Int32Array(answerBuffer, 0, 2);
    const text = new Uint16Array(answerBuffer, 8);
    for (let i = 0; i < message.json.length; i++) text[i] = message.json.charCodeAt(i);
    state[1] = message.json.length;
    Atomics.store(state, 0, 1);
    Atomics.notify(state, 0);
  }
});
