/** @file The candidates explorer of the page. Goes into the page as its own text, so it refers to nothing outside. */
import type { candidateDetail } from "./page-candidate.js";
import type { PageElement, PageWindow } from "./page-dom.js";
import type { PageCandidate, PageData } from "./page-types.js";

/**
 * Lists, filters and shows candidates. Everything from the run is set as text.
 * Keys in the list: up and down, Home and End; the address names the chosen candidate.
 */
export function exploreCandidates(
  page: PageWindow,
  data: PageData,
  detailView: ReturnType<typeof candidateDetail>,
): void {
  const { document } = page;
  const pageSize = 100;
  const find = (id: string) => document.getElementById(id);
  const { make, text, percent, signed } = detailView;

  for (const element of document.querySelectorAll("pre[data-code]")) {
    const coloured = detailView.code(element.textContent ?? "");
    element.replaceChildren(...coloured.querySelectorAll("code"));
  }

  // A table that fits needs no stop of the Tab key; one that does not is scrolled by keys.
  const markScrollable = () => {
    for (const box of document.querySelectorAll(".scroll")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  page.addEventListener("resize", markScrollable);
  markScrollable();

  const body = find("candidate-rows");
  const detail = find("candidate-detail");
  if (!body || !detail) return;
  const status = find("candidate-status");
  const filters = {
    words: find("filter-words"),
    outcome: find("filter-outcome"),
    group: find("filter-group"),
    order: find("filter-order"),
  };
  let shownList: PageCandidate[] = [];
  let firstRow = 0;
  let selected: PageCandidate | undefined;

  const haystacks = new Map<PageCandidate, string>();
  const haystack = (candidate: PageCandidate): string => {
    const known = haystacks.get(candidate);
    if (known !== undefined) return known;
    const { id, task, outcome, status: state, techniques, forced, hash, source, message } = candidate;
    const all = [id, task, outcome, state, ...techniques, ...forced, hash, text(source), text(message)];
    const joined = all.join(" ").toLowerCase();
    haystacks.set(candidate, joined);
    return joined;
  };

  const matches = (candidate: PageCandidate): boolean => {
    const words = (filters.words?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = filters.outcome?.value ?? "";
    const group = filters.group?.value ?? "";
    if (outcome && candidate.outcome !== outcome && candidate.status !== outcome) return false;
    if (group === "kept" && !candidate.isKept) return false;
    if (group === "free" && (candidate.forced.length > 0 || candidate.repairOf)) return false;
    if (group === "forced" && candidate.forced.length === 0) return false;
    if (group === "repairs" && !candidate.repairOf) return false;
    return words.every((word) => haystack(candidate).includes(word));
  };

  const cell = (row: PageElement, content: string, className = "") => {
    row.append(make("td", className, content));
  };
  const accuracyText = (candidate: PageCandidate): string => {
    if (candidate.accuracy !== null) return percent(candidate.accuracy);
    return candidate.screenAccuracy === null ? "–" : `screen ${percent(candidate.screenAccuracy)}`;
  };

  const renderRows = () => {
    const rows = shownList.slice(firstRow, firstRow + pageSize).map((candidate) => {
      const row = make("tr");
      row.dataset.id = candidate.id;
      const name = make("th");
      name.scope = "row";
      const link = make("a", "", candidate.id);
      link.href = `#${candidate.id}`;
      link.tabIndex = -1;
      name.append(link);
      if (candidate.isKept) name.append(" ", make("span", "badge good", "kept"));
      row.append(name);
      cell(row, accuracyText(candidate), "number");
      cell(row, signed(candidate.reward), "number");
      cell(
        row,
        candidate.outcome === "scored" ? candidate.status : `${candidate.outcome}, ${candidate.status}`,
      );
      cell(row, candidate.techniques.join(", ") || "–", "wide");
      return row;
    });
    body.replaceChildren(...rows);
    const previous = find("candidates-previous");
    const next = find("candidates-next");
    if (previous) previous.disabled = firstRow === 0;
    if (next) next.disabled = firstRow + pageSize >= shownList.length;
    if (status) {
      const last = Math.min(firstRow + pageSize, shownList.length);
      status.textContent =
        shownList.length === 0
          ? "No candidate fits the filter."
          : `${firstRow + 1} to ${last} of ${shownList.length} candidates`;
    }
    mark();
  };

  const mark = () => {
    let hasSelected = false;
    for (const row of body.querySelectorAll("tr")) {
      const isSelected = row.dataset.id === selected?.id;
      hasSelected ||= isSelected;
      const link = row.querySelector("a");
      if (isSelected) {
        row.className = "selected";
        link?.setAttribute("aria-current", "true");
      } else {
        row.className = "";
        link?.removeAttribute("aria-current");
      }
      if (link) link.tabIndex = isSelected ? 0 : -1;
    }
    const first = body.querySelector("a");
    if (!hasSelected && first) first.tabIndex = 0;
  };

  const choose = (candidate: PageCandidate | undefined) => {
    selected = candidate;
    const at = candidate ? shownList.indexOf(candidate) : -1;
    if (at >= 0 && (at < firstRow || at >= firstRow + pageSize)) {
      firstRow = Math.floor(at / pageSize) * pageSize;
      renderRows();
    }
    mark();
    detailView.show(detail, selected);
  };

  const apply = () => {
    const order = filters.order?.value ?? "run";
    shownList = data.candidates.filter(matches);
    const score = (candidate: PageCandidate) => candidate.accuracy ?? -1;
    if (order === "accuracy") shownList.sort((a, b) => score(b) - score(a) || b.reward - a.reward);
    if (order === "reward") shownList.sort((a, b) => b.reward - a.reward || score(b) - score(a));
    if (order === "tokens") shownList.sort((a, b) => b.tokens - a.tokens);
    firstRow = 0;
    renderRows();
    if (!selected || !shownList.includes(selected)) choose(shownList[0]);
  };

  const visit = (candidate: PageCandidate | undefined) => {
    choose(candidate);
    if (candidate) page.history.replaceState(null, "", `#${candidate.id}`);
    const link = body.querySelector('a[aria-current="true"]');
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest" });
  };
  const turnPage = (step: number) => {
    firstRow = Math.max(0, firstRow + step * pageSize);
    renderRows();
  };
  find("candidates-previous")?.addEventListener("click", () => turnPage(-1));
  find("candidates-next")?.addEventListener("click", () => turnPage(1));
  for (const control of Object.values(filters)) {
    control?.addEventListener("input", apply);
    control?.addEventListener("change", apply);
  }
  const clearFilters = () => {
    for (const control of Object.values(filters)) if (control) control.value = "";
    if (filters.order) filters.order.value = "run";
    apply();
  };
  find("filter-clear")?.addEventListener("click", () => {
    clearFilters();
    filters.words?.focus();
  });
  body.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || shownList.length === 0) return;
    const at = selected ? shownList.indexOf(selected) : -1;
    const last = shownList.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: Math.min(last, at + 1),
      ArrowUp: Math.max(0, at - 1),
      PageDown: Math.min(last, at + 10),
      PageUp: Math.max(0, at - 10),
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    visit(shownList[to]);
  });
  body.addEventListener("click", (event) => {
    const id = event.target?.closest("tr")?.dataset.id;
    const candidate = data.candidates.find((one) => one.id === id);
    if (!candidate) return;
    event.preventDefault();
    visit(candidate);
  });

  /** A link from elsewhere on the page, or the address the page was opened with. */
  const follow = () => {
    let id = page.location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return;
    }
    const candidate = data.candidates.find((one) => one.id === id);
    if (!candidate) return;
    if (!shownList.includes(candidate)) clearFilters();
    choose(candidate);
    find("candidates")?.scrollIntoView({ block: "start" });
    detail.querySelector("h3")?.focus({ preventScroll: true });
  };
  page.addEventListener("hashchange", follow);
  apply();
  follow();
}
