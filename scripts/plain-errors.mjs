/** @file Imported by a script: what stops it is told in a line, faults of the script itself with their stack. */
import { basename } from "node:path";
import { W4sError } from "../dist/core/errors.js";

process.on("uncaughtException", (error) => {
  const isPlain = W4sError.is(error) || error.constructor === Error;
  const text = isPlain ? [error.message, error.hint].filter(Boolean).join("; ") : error.stack;
  process.stderr.write(`${basename(process.argv[1])}: ${text}\n`);
  process.exit(isPlain ? 2 : 1);
});
