/** @file Which field of a source becomes which of ours, and how a field is reached. */

/** Fields of ours that one field of a source can give. */
export const OUR_FIELDS = ["question", "answer", "context", "choices", "id", "solution", "split"] as const;
export type OurField = (typeof OUR_FIELDS)[number];

/**
 * Which field of the source becomes which of ours. A field inside another is named with dots ("answers.text"). What is not
 * given is guessed from the usual names; "" stands for none.
 */
export interface FieldMap {
  question?: string | undefined;
  /** For kind choice: a letter, the text of an option, or its number. */
  answer?: string | undefined;
  context?: string | undefined;
  /** One field with a list, or several fields with one option each. */
  choices?: string | readonly string[] | undefined;
  /** Default: made from dataset, split and line number. */
  id?: string | undefined;
  solution?: string | undefined;
  /** A field that names the split ("train", "validation", "valid", "dev", "test"). */
  split?: string | undefined;
  /** Further fields kept in `meta`. */
  meta?: readonly string[] | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The value at a dotted path: a field of that very name first, else member by member; a list on the way gives the list of
 * its elements' members. Undefined where there is none.
 */
export function valueAt(fields: Fields, path: string): unknown {
  if (path in fields) return fields[path];
  let value: unknown = fields;
  for (const part of path.split(".")) value = member(value, part);
  return value;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Array.isArray(value)) return Object.hasOwn(value, name) ? (value as Fields)[name] : undefined;
  if (/^\d+$/.test(name)) return value[Number(name)];
  const members = value.map((one) => member(one, name));
  return members.every((one) => one === undefined) ? undefined : members;
}

/** Undefined, null, a text of white space, an empty list. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "string" ? value.trim() === "" : Array.isArray(value) && value.length === 0;
}

/** Folded, so that "Correct Answer", "correct_answer" and "correctAnswer" are one name. */
export function foldName(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");
}
