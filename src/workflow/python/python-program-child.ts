/** @file Process that holds one program: runs it, then answers what the tests ask of it. Used once, then killed. */

import { messageOf } from "../../core/errors.js";
import { serveParent } from "../../core/serve-parent.js";
import { bootPython } from "./boot-python.js";
import { lockDown, seal } from "./lock-down.js";
import type { FromProgram, ProgramEnd, ToProgram } from "./python-protocol.js";

lockDown();
const python = await bootPython();
const [load, answer] = python.functions("program", ["load", "answer"]);
python.shut();

serveParent((raw, send) => {
  const message = raw as ToProgram;
  if (message.type === "run") {
    const { source, stdin, limits } = message;
    python.setLimits({ ...limits, stdin });
    const json = guarded(() => load?.(source, limits.valueBytes, true));
    const reply: FromProgram = {
      type: "ran",
      json,
      ...python.output(),
      isMemoryShort: python.isMemoryShort(),
    };
    send(reply);
  } else {
    const reply: FromProgram = {
      type: "answer",
      json: guarded(() => answer?.(message.json)),
      isMemoryShort: python.isMemoryShort(),
    };
    send(reply);
  }
});
seal();

/** An interpreter that broke down is a failed program. */
function guarded(act: () => unknown): string {
  try {
    const json = act();
    if (typeof json === "string") return json;
  } catch (error) {
    const end: ProgramEnd = {
      error: { type: "InterpreterError", message: messageOf(error, 200) },
    };
    return JSON.stringify(end);
  }
  return JSON.stringify({ error: { type: "InterpreterError", message: "no result" } } satisfies ProgramEnd);
}
