/** @file Draws the charts of the page. Goes into the page as its own text, so it refers to nothing outside. */
import type { ChartData } from "../chart-data.js";
import type { PageElement, PageWindow, PlotChart } from "./page-dom.js";

/**
 * Draws each chart into the element with its id, and again when colours or widths change, or for print.
 * Texts from the run are set as text, and numbers are numbers: nothing of it is read as markup.
 */
export function drawCharts(page: PageWindow, charts: readonly ChartData[]): void {
  const { document } = page;
  const height = 260;
  const printWidth = 680;
  /** Up to here each point shows its own interval; more are read better as a band. */
  const mostWhiskers = 15;
  let drawn: { chart: PlotChart; box: PageElement }[] = [];

  const colour = (name: string) =>
    page.getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const numberText = (value: number, isShare: boolean) =>
    isShare ? `${Math.round(value * 1000) / 10} %` : String(Math.round(value * 1000) / 1000);

  const draw = (data: ChartData, box: PageElement, width: number): PlotChart => {
    const colours = data.lines.map((line) => colour(`--line-${line.colour}`));
    const series: Record<string, unknown>[] = [{ label: data.xLabel }];
    const values: unknown[] = [data.x];
    const bands: Record<string, unknown>[] = [];
    for (const [index, line] of data.lines.entries()) {
      const stroke = colours[index];
      values.push(line.values);
      series.push({
        label: line.label,
        stroke,
        width: 2,
        spanGaps: false,
        points: { show: data.x.length <= 60, size: 7, fill: stroke },
        ...(line.isDashed ? { dash: [7, 5] } : {}),
      });
      if (!line.low || !line.high) continue;
      const at = values.length;
      // Not drawn themselves, but the scale has to hold them.
      values.push(line.high, line.low);
      const unseen = { stroke: "transparent", width: 0, points: { show: false } };
      series.push(unseen, unseen);
      if (data.x.length > mostWhiskers) bands.push({ series: [at, at + 1], fill: `${stroke}22` });
    }
    const whiskers = (chart: PlotChart) => {
      const { ctx } = chart;
      const ratio = page.devicePixelRatio || 1;
      ctx.save();
      ctx.lineWidth = 1.5 * ratio;
      const withIntervals =
        data.x.length > mostWhiskers ? [] : data.lines.filter((line) => line.low && line.high);
      for (const [place, line] of withIntervals.entries()) {
        ctx.strokeStyle = colours[data.lines.indexOf(line)] ?? "";
        for (const [at, x] of data.x.entries()) {
          const low = line.low?.[at];
          const high = line.high?.[at];
          if (low === null || low === undefined || high === null || high === undefined) continue;
          // Lines of one chart stand beside each other, so that one does not cover the other.
          const shift = (place - (withIntervals.length - 1) / 2) * 8 * ratio;
          const left = Math.round(chart.valToPos(x, "x", true) + shift);
          const cap = 4 * ratio;
          const ends = [low, high].map((value) => chart.valToPos(value, "y", true));
          ctx.beginPath();
          ctx.moveTo(left, ends[0] as number);
          ctx.lineTo(left, ends[1] as number);
          for (const end of ends) {
            ctx.moveTo(left - cap, end);
            ctx.lineTo(left + cap, end);
          }
          ctx.stroke();
        }
      }
      ctx.restore();
    };
    const readout = document.getElementById(`${data.id}-readout`);
    const showValues = (chart: PlotChart) => {
      if (!readout) return;
      const { idx } = chart.cursor;
      if (idx === null || idx === undefined) {
        readout.textContent = "";
        return;
      }
      const said = data.lines.flatMap((line) => {
        const value = line.values[idx];
        if (value === null || value === undefined) return [];
        const low = line.low?.[idx];
        const high = line.high?.[idx];
        const isOpen = low === null || low === undefined || high === null || high === undefined;
        const range = isOpen
          ? ""
          : ` (${numberText(low, data.isShare)} to ${numberText(high, data.isShare)})`;
        return [`${line.label} ${numberText(value, data.isShare)}${range}`];
      });
      readout.textContent = `${data.xLabel} ${data.x[idx]}: ${said.join("; ")}`;
    };
    const axis = {
      stroke: colour("--muted"),
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { stroke: colour("--grid"), width: 1 },
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
    };
    const first = data.x[0] ?? 0;
    const last = data.x[data.x.length - 1] ?? 1;
    const options = {
      width,
      height,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
      scales: {
        x: {
          time: false,
          range: [first - (data.x.length > 20 ? 0 : 0.5), last + (data.x.length > 20 ? 0 : 0.5)],
        },
        y: data.isShare ? { range: [0, 1] } : {},
      },
      axes: [
        {
          ...axis,
          label: data.xLabel,
          labelSize: 22,
          size: 34,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000],
        },
        {
          ...axis,
          size: 56,
          values: (_: unknown, splits: number[]) => splits.map((value) => numberText(value, data.isShare)),
        },
      ],
      series,
      bands,
      hooks: { draw: [whiskers], setCursor: [showValues] },
    };
    box.replaceChildren();
    return new page.uPlot(options, values, box);
  };

  const drawAll = (width?: number) => {
    for (const { chart } of drawn) chart.destroy();
    drawn = charts.flatMap((data) => {
      const box = document.getElementById(data.id);
      return box ? [{ chart: draw(data, box, width ?? box.clientWidth), box }] : [];
    });
  };

  drawAll();
  const observer = new page.ResizeObserver(() => {
    for (const { chart, box } of drawn) {
      if (box.clientWidth > 0) chart.setSize({ width: box.clientWidth, height });
    }
  });
  for (const { box } of drawn) observer.observe(box);
  page.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  const root = document.documentElement;
  const themes = [...document.querySelectorAll("[data-set-theme]")];
  for (const button of themes) {
    button.addEventListener("click", () => {
      const theme = button.dataset.setTheme ?? "auto";
      if (theme === "auto") delete root.dataset.theme;
      else root.dataset.theme = theme;
      for (const other of themes) other.setAttribute("aria-pressed", String(other === button));
      drawAll();
    });
  }
  // Paper is white, whatever the screen is.
  let screenTheme: string | undefined;
  page.addEventListener("beforeprint", () => {
    screenTheme = root.dataset.theme;
    root.dataset.theme = "light";
    drawAll(printWidth);
  });
  page.addEventListener("afterprint", () => {
    if (screenTheme === undefined) delete root.dataset.theme;
    else root.dataset.theme = screenTheme;
    drawAll();
  });
}
