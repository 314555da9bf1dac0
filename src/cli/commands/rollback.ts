/** @file `w4s rollback`: an earlier round's adapter in force again. */
import { Command, InvalidArgumentError } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";

const EXAMPLES = `
Examples:
  $ w4s rollback runs/RUN --to 1   # round 1 is the last one; the next w4s learn plays round 2 anew
  $ w4s rollback runs/RUN --to 0

Later rounds are renamed to rounds/old-…, nothing is deleted.`;

export function command(): Command {
  const command = new Command("rollback")
    .description("Sets the rounds after a given one aside, so that learning goes on from there.")
    .argument("<run>", "run directory of w4s learn")
    .requiredOption("--to <round>", "last round that stays; 0 = none", (text) => {
      if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 0 on");
      return Number(text);
    });
  return complete(command, rollbackAction, { examples: EXAMPLES, hasConfig: false });
}

const rollbackAction: ActionBody = async ({ isJson, command }, run = "") => {
  const api = await import("../../commands.js");
  const { to } = command.opts<{ to: number }>();
  const result = api.rollback(run, to);
  if (isJson) writeJson(result);
  else {
    for (const { round, path } of result.setAside) writeOut(`round ${round} set aside: ${path}`);
    if (result.setAside.length === 0) writeOut(`nothing to set aside: round ${to} is the last one`);
    writeOut(`in force: ${result.adapter ?? "the model the run started with"}`);
  }
  return EXIT.done;
};
