/** @file Readers of single values on the command line, for commander's options. */
import { InvalidArgumentError, Option } from "commander";

/** Adds a value to those of an option that may be repeated. */
export function repeated(text: string, known: readonly string[]): string[] {
  return [...known, text];
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("must be a number");
  return value;
}

/** Flag of an option's value: "answerAfter" → "--answer-after". */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** @param whose - weights they are, for the help */
export function weightsOption(whose: string): Option {
  return new Option("--weights <form>", `how ${whose} are kept in memory`)
    .choices(["auto", "f32", "f16", "streamed"])
    .default("auto");
}
