/** @file One request, whichever endpoint it came through, and the task that a workflow sees of it. */
import type { ServeConfig } from "../config/serve-schema.js";
import type { VisibleTask } from "../tasks/task.js";
import { badRequest } from "./api-error.js";

export interface TurnMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

export interface AskedQuestion {
  /** Undefined: the only one there is. */
  model: string | undefined;
  messages: TurnMessage[];
  isStream: boolean;
  /** Whether the stream of a chat ends with what was used. */
  isUsageStreamed: boolean;
  /** Questions that are equal but for this get fresh replies. */
  seed: number | undefined;
  /** The answer ends before the first of these texts. */
  stops: readonly string[];
}

const SPEAKER = { system: "System", user: "User", assistant: "Assistant" };

/**
 * Fills the templates of the configuration.
 * @throws {ApiError} 400 where nothing is asked
 */
export function taskOf(
  messages: readonly TurnMessage[],
  { question, context }: Pick<ServeConfig, "question" | "context">,
): Omit<VisibleTask, "id"> {
  const last = messages.findLastIndex(({ role }) => role === "user");
  if (last < 0) throw badRequest("there is no message of the user", "messages", "missing_question");
  const places: Readonly<Record<string, string>> = {
    user: messages[last]!.text,
    system: messages
      .filter(({ role }) => role === "system")
      .map(({ text }) => text)
      .join("\n\n"),
    history: messages
      .slice(0, last)
      .filter(({ role }) => role !== "system")
      .map(({ role, text }) => `${SPEAKER[role]}: ${text}`)
      .join("\n\n"),
  };
  const fill = (template: string) =>
    template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => places[name] ?? "");
  const asked = fill(question);
  if (asked.trim() === "") throw badRequest("the question is empty", "messages", "missing_question");
  const told = fill(context);
  return { question: asked, context: told.trim() === "" ? undefined : told };
}

/** An answer as text: what is no text is written as JSON. */
export function answerText(answer: unknown, stops: readonly string[]): string {
  const text = typeof answer === "string" ? answer : (JSON.stringify(answer) ?? "null");
  const ends = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return text.slice(0, Math.min(text.length, ...ends));
}

/** A whole number of a body; undefined where it is absent or null. @throws {ApiError} 400 naming it */
export function count(
  body: Readonly<Record<string, unknown>>,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw badRequest(`${name} must be a whole number from ${min} to ${max}`, name);
}

/** A yes or no of a body; false where it is absent or null. @throws {ApiError} 400 naming it */
export function truth(body: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value === "boolean") return value;
  throw badRequest(`${name} must be true or false`, name);
}

const MAX_STOPS = 16;

/** One text to stop at, or several. @throws {ApiError} 400 */
export function oneOfStops(stop: unknown): string[] {
  const list = Array.isArray(stop) ? stop : stop === undefined || stop === null ? [] : [stop];
  if (list.length > MAX_STOPS || list.some((text) => typeof text !== "string" || text === ""))
    throw badRequest(`stop must be a text or a list of up to ${MAX_STOPS} texts`, "stop");
  return list as string[];
}
