/** @file One candidate in full. Goes into the page as its own text, so it refers to nothing outside. */
import type { diffLines } from "../diff-lines.js";
import type { tokenizeCode } from "../tokenize-code.js";
import type { PageElement, PageWindow } from "./page-dom.js";
import type { PageCandidate, PageData } from "./page-types.js";

/** Functions that build elements, coloured code and figures, and show a candidate; everything from the run is set as text. */
export function candidateDetail(
  page: PageWindow,
  data: PageData,
  tokenize: typeof tokenizeCode,
  diff: typeof diffLines,
) {
  const { document } = page;
  /** Tab that was looked at last, which stays chosen from candidate to candidate. */
  let view = "code";
  const make = (name: string, className = "", text = ""): PageElement => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const text = (number: number) => data.texts[number] ?? "";
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const signed = (value: number) => value.toFixed(2).replace("-", "−");

  const code = (source: string): PageElement => {
    const pre = make("pre", "code");
    const inner = make("code");
    for (const piece of tokenize(source))
      inner.append(piece.kind ? make("span", `c-${piece.kind}`, piece.text) : piece.text);
    pre.append(inner);
    pre.tabIndex = 0;
    return pre;
  };
  const fact = (list: PageElement, name: string, value: string) => {
    if (value === "") return;
    const pair = make("div");
    pair.append(make("dt", "", name), make("dd", "", value));
    list.append(pair);
  };

  const views = (candidate: PageCandidate): { id: string; title: string; content: () => PageElement }[] => {
    const list: { id: string; title: string; content: () => PageElement }[] = [];
    if (candidate.source >= 0)
      list.push({ id: "code", title: "Code", content: () => code(text(candidate.source)) });
    if (candidate.source >= 0 && candidate.parent >= 0) {
      list.push({
        id: "changes",
        title: "Changes",
        content: () => {
          const box = make("div");
          box.append(
            make("p", "note", `Against its parent: ${candidate.parentTitle}, ${percent(candidate.before)}`),
          );
          const pre = make("pre", "code diff");
          pre.tabIndex = 0;
          for (const { mark: sign, text: line } of diff(text(candidate.parent), text(candidate.source))) {
            const kind = sign === "+" ? "added" : sign === "-" ? "removed" : "same";
            pre.append(make("span", kind, `${sign} ${line}\n`));
          }
          box.append(pre);
          return box;
        },
      });
    }
    const plain = (content: string) => {
      const pre = make("pre", "text", content);
      pre.tabIndex = 0;
      return pre;
    };
    if (candidate.reply >= 0)
      list.push({ id: "reply", title: "Reply", content: () => plain(text(candidate.reply)) });
    if (candidate.prompt >= 0)
      list.push({ id: "prompt", title: "Prompt", content: () => plain(text(candidate.prompt)) });
    return list;
  };

  const show = (detail: PageElement, candidate: PageCandidate | undefined): void => {
    if (!candidate) {
      detail.replaceChildren(make("p", "note", "Choose a candidate from the list."));
      return;
    }
    const heading = make("h3", "", `Candidate ${candidate.id}`);
    heading.tabIndex = -1;
    const badges = make("p", "badges");
    const badge = (content: string, tone = "") => badges.append(make("span", `badge ${tone}`, content), " ");
    badge(candidate.outcome, candidate.outcome === "invalid" ? "bad" : "");
    badge(candidate.status, candidate.status === "ok" ? "good" : "bad");
    if (candidate.isKept) badge("kept", "good");
    if (candidate.forced.length > 0) badge(`forced: ${candidate.forced.join(", ")}`);
    if (candidate.repairOf) badge(`repairs ${candidate.repairOf}`);
    const facts = make("dl", "facts");
    const { accuracy, low, high, dollars } = candidate;
    const range = low === null || high === null ? "" : `, ${percent(low)} to ${percent(high)}`;
    fact(facts, "accuracy", accuracy === null ? "" : `${percent(accuracy)}${range}, n = ${candidate.n}`);
    fact(facts, "lost samples", candidate.lost === 0 ? "" : String(candidate.lost));
    fact(facts, "screening", candidate.screenAccuracy === null ? "" : percent(candidate.screenAccuracy));
    fact(facts, "reward", signed(candidate.reward));
    const money = dollars === null ? "price unknown" : dollars === 0 ? "" : `$${dollars.toPrecision(3)}`;
    const paid = [`${candidate.calls} calls`, `${candidate.tokens} tokens`, money];
    fact(facts, "cost", paid.filter((part) => part !== "").join(", "));
    const sampled = candidate.temperature === null ? "" : `, temperature ${candidate.temperature}`;
    const certainty =
      candidate.meanLogProb === null ? "" : `, mean log-probability ${signed(candidate.meanLogProb)}`;
    fact(facts, "written", `${candidate.written} tokens${sampled}${certainty}`);
    fact(facts, "finish", candidate.finishReason);
    fact(facts, "task", candidate.task);
    fact(facts, "hash", candidate.hash.slice(0, 12));
    fact(facts, "techniques", candidate.techniques.join(", "));
    const parts: PageElement[] = [heading, badges, facts];
    if (candidate.message >= 0) parts.push(make("pre", "text message", text(candidate.message)));
    const choices = views(candidate);
    const chosen = choices.find(({ id }) => id === view) ?? choices[0];
    if (chosen) {
      const bar = make("div", "views");
      bar.setAttribute("role", "group");
      bar.setAttribute("aria-label", "What is shown");
      for (const { id, title } of choices) {
        const button = make("button", "", title);
        button.type = "button";
        button.setAttribute("aria-pressed", String(id === chosen.id));
        button.addEventListener("click", () => {
          view = id;
          show(detail, candidate);
          const pressed = detail.querySelector('button[aria-pressed="true"]');
          pressed?.focus();
        });
        bar.append(button);
      }
      parts.push(bar, chosen.content());
    }
    detail.replaceChildren(...parts);
  };

  return { make, text, percent, signed, code, show };
}
