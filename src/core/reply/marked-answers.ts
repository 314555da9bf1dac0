/** @file What a reply says is its answer: behind \boxed, <answer>, ####, "Final answer", "the answer is", in several languages. */

/** A reply without what was thought aloud before it: up to the last `</think>`, and from a `<think>` that was never closed. */
export function withoutThinking(text: string): string {
  const tag = "(?:think|thinking|thought|reasoning)";
  const closed = [...text.matchAll(new RegExp(`</${tag}>`, "gi"))].at(-1);
  const rest = closed ? text.slice(closed.index + closed[0].length) : text;
  const open = rest.search(new RegExp(`<${tag}>`, "i"));
  return open < 0 ? rest : rest.slice(0, open);
}

/**
 * Texts behind marks, the strongest kind first, the last of a kind first: `<answer>`, `\boxed{}`, `####`, "final answer",
 * "the answer is", "Answer:". Behind a mark counts the rest of its line, or the next line where that is empty.
 * "To find the answer: …" is no mark.
 * @param isCut - the reply was cut at its token limit: what is not closed by a tag, a brace or a further line does not count
 */
export function markedAnswers(text: string, isCut = false): string[] {
  const found: string[] = [];
  const collect = (mark: RegExp, isMark: (match: RegExpMatchArray) => boolean = () => true): void => {
    for (const match of [...text.matchAll(mark)].reverse()) {
      const part = (match[1] ?? "").trim();
      if (part.replace(/[*_$\s]/g, "") !== "" && isMark(match)) found.push(part);
    }
  };
  collect(isCut ? /<answer>([\s\S]*?)<\/answer>/gi : /<answer>([\s\S]*?)(?:<\/answer>|$)/gi);
  // With braces of any depth inside.
  const boxes = [...text.matchAll(/\\f?box(?:ed)?\s*\{/g)];
  for (const box of boxes.reverse()) {
    const from = box.index + box[0].length;
    let depth = 1;
    let end = from;
    for (; end < text.length && depth > 0; end++) depth += text[end] === "{" ? 1 : text[end] === "}" ? -1 : 0;
    const line = text.slice(from, end).split("\n")[0] as string;
    if (depth === 0) found.push(text.slice(from, end - 1).trim());
    else if (!isCut && line.trim() !== "") found.push(line.trim());
  }
  const rest = String.raw`[ \t*_]*(?:\n\s*)?([^\n]*)`;
  collect(new RegExp(`####+${rest}`, "g"), (match) => !/^[ \t]*(?:step|schritt)/i.test(match[1] as string));
  const words =
    "answer|solution|result|antwort|ergebnis|réponse|resultat|résultat|respuesta|resultado|risposta|risultato|resposta|antwoord|odpowiedź|ответ|cevap|jibu|svar|đáp án";
  const copulas =
    "is|are|was|would be|will be|equals?|ist|lautet|sind|beträgt|est|es|è|é|to|jest|равен|ni|är";
  const scripts = "উত্তর|उत्तर|الجواب|الإجابة|الاجابة|جواب|答案|答え|答|정답|답|คำตอบ|సమాధానం|விடை";
  const behind = String.raw`(?:[*_"]*\s*(?:${copulas})(?!\p{L})(?:\s*[:=])?|[*_" ]*[:=：])`;
  // "To find the answer: …" speaks of what is to be done.
  const isTask = (match: RegExpMatchArray) =>
    /[:：]/.test((match[0] as string).slice(0, (match[0] as string).length - (match[1] as string).length)) &&
    /\b(?:find|get|calculate|compute|determine|give|write|check|verify|state|obtain)(?:ing)?\s+(?:\S+\s+){0,2}$/i.test(
      text.slice(Math.max(0, (match.index as number) - 40), match.index),
    );
  const final = String.raw`(?:final|endgültige|finale)\s+(?:${words})|(?:${words})\s+(?:finale?)|最终答案`;
  collect(new RegExp(String.raw`(?<!\p{L})(?:${final})(?:${behind}|[*_#: ]*\n)${rest}`, "giu"));
  collect(
    new RegExp(
      String.raw`(?:(?<!\p{L})(?:correct |right |best |richtige |bonne )?(?:${words})(?: to [^.:\n]{1,60}?)?${behind}|(?:${scripts})[*_\s]*(?:[:：=]|是|は|为|為|হল|हो|है|هو|هي)?)${rest}`,
      "giu",
    ),
    (match) => !isTask(match),
  );
  return found;
}
