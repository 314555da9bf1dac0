/** @file The items a simulated model can solve, found again by their question text in a prompt. */

import type { SimulatedItem } from "../../core/simulated-item.js";

/** Characters of a question's start that are looked up; shorter questions are compared one by one. */
const ANCHOR_LENGTH = 24;

export function foldSpaces(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

export class SimulatedItemBank {
  /** Folded question → items with that question (they differ in passage or options). */
  readonly #byQuestion = new Map<string, Map<string, SimulatedItem>>();
  readonly #byAnchor = new Map<string, Set<string>>();
  readonly #short = new Set<string>();

  /** Registering an item again replaces it. */
  add(item: SimulatedItem): void {
    const question = foldSpaces(item.question);
    const same = this.#byQuestion.get(question) ?? new Map<string, SimulatedItem>();
    same.set(JSON.stringify([item.context, item.choices]), item);
    this.#byQuestion.set(question, same);
    if (question.length < ANCHOR_LENGTH) this.#short.add(question);
    else {
      const anchor = question.slice(0, ANCHOR_LENGTH);
      const questions = this.#byAnchor.get(anchor) ?? new Set();
      this.#byAnchor.set(anchor, questions.add(question));
    }
  }

  /**
   * The item a prompt is about: the question that stands last in it (examples come first), the longest where two
   * start at one place. Of items with one question the one whose passage and options are in the prompt too.
   * @param text - all messages, white space folded
   */
  find(text: string): SimulatedItem | undefined {
    // A prompt may hold the question as a JSON string.
    const question = this.#lastQuestion(text) ?? this.#lastQuestion(unescaped(text));
    if (question === undefined) return undefined;
    const items = [...this.#byQuestion.get(question)!.values()];
    return (
      items.find((item) => isShown(item, text)) ??
      items.find((item) => isShown(item, unescaped(text))) ??
      items[0]
    );
  }

  #lastQuestion(text: string): string | undefined {
    let found: { question: string; end: number } | undefined;
    const consider = (question: string, start: number) => {
      const end = start + question.length;
      if (!found || end > found.end) found = { question, end };
    };
    for (let at = 0; at + ANCHOR_LENGTH <= text.length; at++) {
      const questions = this.#byAnchor.get(text.slice(at, at + ANCHOR_LENGTH));
      for (const question of questions ?? []) if (text.startsWith(question, at)) consider(question, at);
    }
    for (const question of this.#short) {
      const at = question === "" ? -1 : text.lastIndexOf(question);
      if (at >= 0) consider(question, at);
    }
    return found?.question;
  }
}

function isShown({ context, choices }: SimulatedItem, text: string): boolean {
  return (
    (context === undefined || text.includes(foldSpaces(context))) &&
    (choices ?? []).every((choice) => text.includes(foldSpaces(choice)))
  );
}

function unescaped(text: string): string {
  return foldSpaces(text.replace(/\\n/g, " ").replace(/\\(["\\])/g, "$1"));
}
