/** @file The text of an exported file: a template of `runtime/`, its parts that are needed, and what is filled in. */
import { readFileSync } from "node:fs";
import { InternalError } from "../core/errors.js";
import { packageFile } from "../core/package-file.js";

/** A file of `runtime/`, which lies in the package beside `src/` and `dist/`. */
export function runtimeText(name: string): string {
  return readFileSync(packageFile(`runtime/${name}`), "utf8");
}

/**
 * @param mark - what begins the lines that open a part ("//# json") or close the last one ("//# end")
 * @param parts - names of the parts that are kept
 * @param values - text for each `__NAME__`
 * @throws {InternalError} where a template does not fit
 */
export function fillTemplate(
  template: string,
  mark: string,
  parts: ReadonlySet<string>,
  values: Readonly<Record<string, string>>,
): string {
  const open: boolean[] = [];
  const kept = template.split("\n").filter((line) => {
    const text = line.trim();
    if (text.startsWith("// biome-ignore")) return false;
    if (!text.startsWith(`${mark} `)) return open.every((isKept) => isKept);
    const name = text.slice(mark.length + 1);
    if (name === "end") open.pop();
    else open.push(parts.has(name));
    return false;
  });
  return kept.join("\n").replace(/__([A-Z]+(?:_[A-Z]+)*)__/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new InternalError(`the template asks for ${name}`);
    return value;
  });
}
