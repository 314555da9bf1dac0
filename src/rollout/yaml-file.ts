/** @file Reads a YAML file of the user's strictly (strict-yaml.ts), with errors that name it. */
import { ConfigError, messageOf } from "../core/errors.js";
import { parseStrictYaml, readYamlText, YAML_HINT, YamlProblem } from "./strict-yaml.js";

/**
 * @param what - what the file is, for errors: "configuration", "policy"
 * @returns undefined for an empty file
 * @throws {ConfigError} when it is missing, too big, not YAML, or uses what is refused
 */
export function readYamlFile(path: string, what: string, hint: string): unknown {
  let text: string;
  try {
    text = readYamlText(path);
  } catch (error) {
    throw new ConfigError(`cannot read the ${what} ${path}: ${messageOf(error)}`, { hint, cause: error });
  }
  try {
    return parseStrictYaml(text).value;
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new ConfigError(`${path}${error.place}: not usable YAML: ${error.message}`, {
      code: "bad-yaml",
      hint: YAML_HINT,
      cause: error.cause,
    });
  }
}
