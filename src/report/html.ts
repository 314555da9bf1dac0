/** @file HTML from templates in which everything that is filled in is escaped, unless it is markup of ours. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** Marks that reorder or hide text, and control characters: shown by their number. */
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** HTML that was built by `html`. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Fill = string | number | Markup | null | undefined | false | readonly Fill[];

/** Text with everything invisible shown as U+NNNN, so that it cannot pretend to be other text. */
export function shown(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSEEN, (mark) => `U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
}

/** Text as HTML text or as the inside of a quoted attribute. */
export function escapeHtml(text: string): string {
  return shown(text).replace(/[&<>"'`]/g, (mark) => ESCAPES[mark] as string);
}

/**
 * A template tag: literal parts are markup, fills are text. Lists are joined; null, undefined and false are nothing.
 * Fills may only stand between tags or inside quoted attributes that hold no URL and no script.
 */
export function html(parts: TemplateStringsArray, ...fills: readonly Fill[]): Markup {
  let text = parts[0] ?? "";
  for (const [index, fill] of fills.entries()) text += render(fill) + (parts[index + 1] ?? "");
  return new Markup(text);
}

function render(fill: Fill): string {
  if (fill === null || fill === undefined || fill === false) return "";
  if (fill instanceof Markup) return fill.text;
  if (typeof fill === "number") return String(fill);
  if (typeof fill === "string") return escapeHtml(fill);
  return fill.map(render).join("");
}

/** A value as JSON that can stand inside a script element: no tag, comment or line separator can be read out of it. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
