/** @file `w4s report` as a process, and its page in headless Chromium: no complaint, no request, keys, hostile texts. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { htmlReport } from "../../src/report/html-report.js";
import { readRunReport } from "../../src/report/run-report.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { findChromium, HeadlessChromium, NO_CHROMIUM, type Tab } from "../support/headless-chromium.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { addRounds, makeRun } from "../unit/report/made-run.js";
import { XSS_STRINGS } from "../unit/report/xss-strings.js";

const folder = useTemporaryFolder();
let work: string;
let run: string;
let page: string;
const runCli = useCliHost();
const w4s = (...args: string[]) => runCli(args, { cwd: work });

beforeAll(async () => {
  work = folder();
  run = join(work, "runs", "real");
  page = join(run, "report.html");
  const tiny = makeTinyGguf(join(work, "tiny.gguf"), { seed: 3 });
  const result = await w4s(
    ...["optimize", "--task", "word-problems", "--executor", "simulated", "--model", tiny, "--gpu", "off"],
    ...["--threads", "1", "--weak", "none", "--episodes", "2", "--turns", "2", "--candidates", "2"],
    ...["--max-repairs", "0", "--screen", "2", "--validation-limit", "4", "--test-limit", "4", "--run", run],
  );
  expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
});

describe("w4s report", () => {
  it("writes one page beside the run's files, and the same one again", async () => {
    const result = await w4s("report", run);
    expect(result, result.stderr).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toMatch(/report\.html: [\d.]+ KiB/);
    const first = readFileSync(page, "utf8");
    expect(first).toContain("What was simulated");
    expect((await w4s("report", run)).code).toBe(0);
    expect(readFileSync(page, "utf8")).toBe(first);
  });

  it("prints the same numbers as tables and as JSON, and then writes nothing", async () => {
    const other = join(work, "runs", "made");
    makeRun(other);
    const text = await w4s("report", other, "--text");
    expect(text.code, text.stderr).toBe(0);
    const json = JSON.parse((await w4s("report", other, "--json")).stdout);
    expect(existsSync(join(other, "report.html"))).toBe(false);
    expect(text.stdout).toContain("note: the executor is simulated");
    const best = json.rows.find(
      (row: { name: string; split: string }) => row.name === "best" && row.split === "test",
    );
    expect(text.stdout).toContain(`${(best.accuracy * 100).toFixed(1)}%`);
    expect(json).toMatchObject({ run: "made", page: null, figures: { candidates: { count: 12 } } });
    for (const point of json.figures.series) {
      const [low, high] = [point.reward.interval.low, point.reward.interval.high];
      const range = `${point.reward.mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`.replace(
        "-0.00",
        "0.00",
      );
      expect(text.stdout).toContain(range);
    }
  });

  it("compares runs, into the file that is named", async () => {
    const other = join(work, "runs", "compared");
    makeRun(other);
    const result = await w4s(
      "report",
      run,
      "--compare",
      other,
      "--compare",
      run,
      "--out",
      "both.html",
      "--text",
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain("Settings that differ");
    expect(readFileSync(join(work, "both.html"), "utf8")).toContain('id="comparison"');
  });

  it("refuses what is no run, a bad seed, and a file that is not its own", async () => {
    expectFailure(await w4s("report", work), 3, /is no run directory/);
    expectFailure(await w4s("report", run, "--compare", join(work, "none")), 3, /none is no run directory/);
    expectFailure(await w4s("report", run, "--seed", "x"), 2, /--seed x/);
    writeFileSync(join(work, "notes.html"), "mine");
    expectFailure(await w4s("report", run, "--out", "notes.html"), 2, /no report of w4s/);
  });

  it("shows nothing of the run that could steer the terminal", async () => {
    const hostile = join(work, "runs", "hostile");
    makeRun(hostile, { text: (place) => `\u001b[2J\u202e${place}\r` });
    const result = await w4s("report", hostile, "--text");
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).not.toMatch(/[\u001b\u202e\r]/);
  });
});

const chromium = findChromium();

describe.skipIf(chromium === undefined)(`the page in Chromium${chromium ? "" : `: ${NO_CHROMIUM}`}`, () => {
  let browser: HeadlessChromium;
  let tab: Tab;
  beforeAll(async () => {
    browser = await HeadlessChromium.start(chromium as string);
    expect((await w4s("report", run)).code).toBe(0);
  });
  afterAll(async () => browser?.close());

  const url = () => pathToFileURL(page).href;
  const heading = () => tab.evaluate<string>("document.querySelector('#candidate-detail h3').textContent");
  /** Waits until a candidate is shown: the page follows its address after the address has changed. */
  const shown = (id: string) =>
    tab.evaluate(`new Promise((done) => {
      const look = () => document.querySelector('#candidate-detail h3')?.textContent === 'Candidate ${id}' ? done() : setTimeout(look, 5);
      look();
    })`);
  const ids = () =>
    tab.evaluate<string[]>("[...document.querySelectorAll('#candidate-rows tr')].map((r) => r.dataset.id)");

  it("opens from disk without a complaint or a request, in light and dark, wide and narrow", async () => {
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [1280, 400]) {
        tab = await browser.tab({ width, height: 900 });
        await tab.colours(scheme);
        await tab.open(url());
        expect(tab.complaints).toEqual([]);
        expect(tab.requests).toEqual([url()]);
        expect(await tab.evaluate("document.documentElement.scrollWidth")).toBe(width);
        expect(await tab.evaluate("document.querySelectorAll('.chart canvas').length")).toBe(2);
        const background = await tab.evaluate<string>("getComputedStyle(document.body).backgroundColor");
        const brightness = Number(/\d+/.exec(background)?.[0]);
        expect(scheme === "dark" ? 255 - brightness : brightness).toBeGreaterThan(200);
        await tab.close();
      }
    }
  });

  it("draws something in each chart, and draws it anew in the colours that are chosen", async () => {
    tab = await browser.tab();
    await tab.open(url());
    const ink = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0) sum += data[i] * 3 + data[i + 1] * 5 + data[i + 2] * 7;
      return sum;
    })`;
    const light = await tab.evaluate<number[]>(ink);
    for (const sum of light) expect(sum).toBeGreaterThan(0);
    await tab.evaluate("document.querySelector('[data-set-theme=dark]').click()");
    const dark = await tab.evaluate<number[]>(ink);
    for (const [index, sum] of dark.entries()) expect(sum).not.toBe(light[index]);
    expect(
      await tab.evaluate("document.querySelector('[data-set-theme=dark]').getAttribute('aria-pressed')"),
    ).toBe("true");
    expect((await tab.pdf()).subarray(0, 5).toString()).toBe("%PDF-");
    expect(await tab.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });

  it("goes through candidates by keys, filters them, and follows links to them", async () => {
    tab = await browser.tab();
    await tab.open(url());
    const all = await ids();
    expect(all.length).toBeGreaterThanOrEqual(8);
    await tab.evaluate("document.querySelector('#candidate-rows a[tabindex=\"0\"]').focus()");
    await tab.press("ArrowDown");
    expect(await heading()).toBe(`Candidate ${all[1]}`);
    await tab.press("ArrowDown");
    await tab.press("ArrowUp");
    expect(await heading()).toBe(`Candidate ${all[1]}`);
    await tab.press("End");
    expect(await heading()).toBe(`Candidate ${all.at(-1)}`);
    expect(await tab.evaluate("document.activeElement.textContent")).toBe(all.at(-1));
    expect(await tab.evaluate("location.hash")).toBe(`#${all.at(-1)}`);
    // One stop of the Tab key for the whole list.
    expect(await tab.evaluate("document.querySelectorAll('#candidate-rows a[tabindex=\"0\"]').length")).toBe(
      1,
    );

    await tab.evaluate(`{ const words = document.getElementById('filter-words'); words.value = '${all[2]}';
      words.dispatchEvent(new Event('input')); }`);
    expect(await ids()).toEqual([all[2]]);
    expect(await tab.evaluate("document.getElementById('candidate-status').textContent")).toBe(
      "1 to 1 of 1 candidates",
    );
    await tab.evaluate("document.getElementById('filter-clear').click()");
    expect(await ids()).toEqual(all);

    const chip = await tab.evaluate<string>(
      "{ const chip = document.querySelectorAll('a.chip')[4]; chip.click(); chip.getAttribute('href').slice(1) }",
    );
    await shown(chip);
    const kept = await tab.evaluate<string>(
      "document.querySelectorAll('a.chip.kept')[1].getAttribute('href').slice(1)",
    );
    await tab.close();
    tab = await browser.tab();
    await tab.open(`${url()}#${kept}`);
    await shown(kept);
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });

  it("shows code, changes, reply and prompt as they were recorded", async () => {
    tab = await browser.tab();
    await tab.open(url());
    const report = await readRunReport(run);
    for (const turn of report.turns) {
      for (const candidate of turn.candidates) {
        await tab.evaluate(`location.hash = '#${candidate.id}'`);
        await shown(candidate.id);
        const seen = await tab.evaluate<Record<string, string>>(`(() => {
          const seen = {};
          const names = [...document.querySelectorAll('.views button')].map((b) => b.textContent);
          for (const name of names) {
            [...document.querySelectorAll('.views button')].find((b) => b.textContent === name).click();
            seen[name] = [...document.querySelectorAll('#candidate-detail pre')].at(-1).textContent;
          }
          return seen;
        })()`);
        if (candidate.source !== null) {
          expect(seen.Code).toBe(candidate.source);
          const kept = (seen.Changes ?? "").split("\n").filter((line) => /^[ +]/.test(line));
          expect(kept.map((line) => line.slice(2)).join("\n")).toBe(candidate.source.replace(/\n$/, ""));
        }
        expect(seen.Prompt).toContain(
          turn.prompts.find(({ name }) => name === candidate.prompt)?.messages[0]?.content,
        );
      }
    }
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });

  it("names every control, orders its headings, and has a text for each chart", async () => {
    tab = await browser.tab();
    await tab.open(url());
    const { nodes } = (await tab.send("Accessibility.getFullAXTree")) as {
      nodes: { role?: { value: string }; name?: { value: string }; ignored: boolean }[];
    };
    const controls = nodes.filter(
      ({ role, ignored }) =>
        !ignored && /^(button|link|searchbox|combobox|image|region|navigation)$/.test(role?.value ?? ""),
    );
    expect(controls.length).toBeGreaterThan(30);
    expect(controls.filter(({ name }) => !name?.value)).toEqual([]);
    const levels = await tab.evaluate<number[]>(
      "[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))",
    );
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels.every((level, index) => index === 0 || level <= (levels[index - 1] ?? 0) + 1)).toBe(true);
    const twice =
      "[...document.querySelectorAll('[id]')].map((e) => e.id).filter((id, at, all) => all.indexOf(id) !== at)";
    expect(await tab.evaluate(twice)).toEqual([]);
    await tab.close();
  });

  it("lets no other script run and no text become markup, even if one tried", async () => {
    tab = await browser.tab();
    await tab.open(url());
    await tab.evaluate(`{ const script = document.createElement('script');
      try { script.textContent = 'window.pwned = 1'; document.body.append(script); } catch {} }`);
    expect(await tab.evaluate("window.pwned ?? 0")).toBe(0);
    expect(
      await tab.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done' } catch (e) { return e.name } })()",
      ),
    ).toBe("TypeError");
    await tab.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)");
    expect(tab.requests).toEqual([url()]);
    expect(tab.complaints.length).toBeGreaterThan(0);
    await tab.close();
  });

  it(`shows ${XSS_STRINGS.length} hostile texts as texts, in every place a run holds text`, async () => {
    tab = await browser.tab();
    // Two at once halve the time; tests/unit/report looks at the markup of each alone.
    for (let number = 0; number < XSS_STRINGS.length; number += 2) {
      const text = XSS_STRINGS.slice(number, number + 2).join("\n");
      const hostile = join(work, "hostile", String(number));
      mkdirSync(hostile, { recursive: true });
      makeRun(hostile, { episodes: 2, turns: 1, text: () => text });
      addRounds(hostile, () => text);
      const report = await readRunReport(hostile);
      const file = join(hostile, "report.html");
      writeFileSync(file, htmlReport(report, { compare: [report] }));
      const before = tab.requests.length;
      await tab.open(pathToFileURL(file).href);
      const found = await tab.evaluate<{
        pwned: unknown;
        elements: number;
        scripts: number;
        shown: number;
      }>(`(() => {
        let shown = 0;
        for (const link of document.querySelectorAll('#candidate-rows a')) {
          link.click();
          for (const at of [0, 1, 2, 3]) {
            document.querySelectorAll('.views button')[at]?.click();
            if (document.querySelector('#candidate-detail').textContent.includes('pwned')) shown++;
          }
        }
        for (const element of document.querySelectorAll('details')) element.open = true;
        for (const element of document.querySelectorAll('a, button, input, pre')) element.focus();
        const foreign = 'img, iframe, object, embed, base, form, textarea, math, link:not([rel=icon]), meta[http-equiv=refresh], main style, main script, svg script, a:not([href^="#"])';
        return { pwned: window.pwned ?? ({}).pwned ?? 0, elements: document.querySelectorAll(foreign).length, scripts: document.scripts.length, shown };
      })()`);
      expect({ text, ...found }).toEqual({
        text,
        pwned: 0,
        elements: 0,
        scripts: 3,
        shown: expect.any(Number),
      });
      if (text.includes("pwned")) expect(found.shown).toBeGreaterThan(10);
      expect(tab.requests.length).toBe(before + 1);
      expect(tab.complaints, text).toEqual([]);
    }
    await tab.close();
  });
});

/** Takes about a minute and 100 MB of disk: asked for by name. */
const isBig = process.env.W4S_BIG_REPORT === "1";
const BIG_BYTES = 100e6;
const PAGE_BYTES = 15e6;
const OPEN_MS = 3000;

describe.skipIf(!isBig)(`a run of 100 MB${isBig ? "" : " (W4S_BIG_REPORT=1 asks for it)"}`, () => {
  it("gives a page of at most 15 MB that opens in at most 3 s", async () => {
    const big = join(work, "runs", "big");
    const words = "what the task says, with <marks> & signs, ".repeat(12);
    const total = makeRun(big, {
      episodes: 900,
      turns: 5,
      candidates: 5,
      tokens: 260,
      text: (place) => `${words}${place}`,
    });
    const bytes = statSync(join(big, "trajectories.jsonl")).size;
    expect(bytes).toBeGreaterThan(BIG_BYTES);
    const result = await w4s("report", big);
    expect(result.code, result.stderr).toBe(0);
    const size = statSync(join(big, "report.html")).size;
    expect(size).toBeLessThan(PAGE_BYTES);
    if (chromium === undefined) return;
    const browser = await HeadlessChromium.start(chromium);
    try {
      const tab = await browser.tab();
      const milliseconds = await tab.open(pathToFileURL(join(big, "report.html")).href);
      process.stdout.write(
        `${bytes} bytes, ${total} candidates → page ${size} bytes, open in ${milliseconds} ms\n`,
      );
      expect(milliseconds).toBeLessThan(OPEN_MS);
      expect(tab.complaints).toEqual([]);
      expect(await tab.evaluate("document.querySelector('#candidates .note').textContent")).toMatch(
        /The page holds [\d,]+ of 22,500/,
      );
    } finally {
      await browser.close();
    }
  });
});
