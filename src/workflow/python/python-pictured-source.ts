/** @file Python source of everything the picture of a started interpreter holds: usual modules, both sides of the border. */
import { JUDGE_SOURCE } from "./python-judge-source.js";
import { PRELOAD_SOURCE } from "./python-preload-source.js";
import { PROGRAM_SOURCE } from "./python-program-source.js";
import { VALUES_SOURCE } from "./python-values-source.js";

/** Compiling the sides takes longer than starting from the picture; a process uses one of them and forgets `w4s`. */
export const PICTURED_SOURCE = `${PRELOAD_SOURCE}
w4s = {}
for _side, _source in (("program", ${pythonText(PROGRAM_SOURCE)}), ("judge", ${pythonText(JUDGE_SOURCE)})):
    w4s[_side] = {"__name__": "w4s"}
    exec(compile(${pythonText(VALUES_SOURCE)} + _source, "<w4s>", "exec"), w4s[_side])
del _side, _source
`;

/** A JSON string is a Python string too, as long as it holds ASCII only, which these do. */
function pythonText(source: string): string {
  return JSON.stringify(source);
}
