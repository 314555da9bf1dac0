/** @file Options of calls in the subset: temperature, role, length, another model. */
import { type BodyContext, manyReplies, optionName, phrasesOf } from "./body.js";
import { anyOf, furtherMembers, literal, type Member, optionsOf } from "./gbnf-text.js";

/** Aliases that a grammar names at most. */
const MAX_MODELS = 8;

/** Rules of single options, and of the objects they make. Not all of them are mentioned in every grammar. */
export function optionRules(context: BodyContext): Record<string, string> {
  const { forced, allowed, options } = context;
  const member = (rule: string, technique: string): Member[] =>
    allowed.includes(technique) ? [{ rule, isForced: forced.includes(technique) }] : [];
  const temperature = member("temperature", "low-temperature");
  const role = member("role", "expert-role");
  const length = member("length", "short-replies");
  const model = member("model", "other-model");
  const free = [...temperature, ...role].map(({ rule }) => ({ rule, isForced: false }));
  const models = model.length > 0 ? (options.models ?? []).slice(0, MAX_MODELS) : [""];
  const close = literal(" }");
  const many = (members: Member[]) =>
    `${manyReplies(phrasesOf("self-consistency"))}${furtherMembers(members)} ${close}`;
  return {
    temperature: `temperature-key ${forced.includes("low-temperature") ? anyOf(phrasesOf("low-temperature")) : anyOf(["0", "0.2", "0.5", "0.7", "1"])}`,
    "temperature-key": literal(`${optionName("temperature")}: `),
    role: `${literal(`${optionName("role")}: "`)} ${anyOf(phrasesOf("expert-role"))} ${literal('"')}`,
    length: `${literal(`${optionName("maxTokens")}: `)} ${anyOf(phrasesOf("short-replies"))}`,
    model: `${literal(`${optionName("model")}: "`)} ${anyOf(models)} ${literal('"')}`,
    "one-options": optionsOf([...temperature, ...role, ...length, ...model]),
    // A program that is cut is none, and a vote of the local model has no other model.
    "program-options": optionsOf([...temperature, ...role, ...model]),
    "role-options": optionsOf([...temperature, ...role]),
    "one-options-free": optionsOf(free),
    "many-options": many([...role, ...length, ...model]),
    "votes-options": many([...role, ...length]),
    "model-options": optionsOf(model),
    "more-options": furtherMembers([...role, ...model]) || literal(""),
  };
}
