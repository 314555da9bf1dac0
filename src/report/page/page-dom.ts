/** @file The few parts of the browser's document that the page's script uses: the library itself knows no DOM. */

export interface PageEvent {
  key: string;
  target: PageElement | null;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  preventDefault(): void;
}

export interface PageElement {
  id: string;
  className: string;
  textContent: string | null;
  tabIndex: number;
  disabled: boolean;
  value: string;
  href: string;
  type: string;
  scope: string;
  clientWidth: number;
  scrollWidth: number;
  dataset: Record<string, string | undefined>;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  append(...nodes: (PageElement | string)[]): void;
  replaceChildren(...nodes: (PageElement | string)[]): void;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  closest(selector: string): PageElement | null;
  focus(options?: { preventScroll?: boolean }): void;
  scrollIntoView(options?: { block?: string }): void;
}

export interface PageDocument {
  documentElement: PageElement;
  getElementById(id: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  createElement(name: string): PageElement;
}

export interface PageWindow {
  document: PageDocument;
  location: { hash: string };
  history: { replaceState(state: null, title: string, url: string): void };
  devicePixelRatio: number;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  matchMedia(query: string): { addEventListener(type: string, listener: () => void): void };
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string };
  ResizeObserver: new (onChange: () => void) => { observe(element: PageElement): void };
  /** The chart library, see uPlot's documentation for its options. */
  uPlot: new (
    options: Record<string, unknown>,
    data: unknown[],
    at: PageElement,
  ) => PlotChart;
}

/** Part of a uPlot chart that is used. */
export interface PlotChart {
  ctx: {
    save(): void;
    restore(): void;
    beginPath(): void;
    moveTo(x: number, y: number): void;
    lineTo(x: number, y: number): void;
    stroke(): void;
    strokeStyle: string;
    lineWidth: number;
  };
  cursor: { idx: number | null | undefined };
  valToPos(value: number, scale: string, isCanvas: boolean): number;
  setSize(size: { width: number; height: number }): void;
  destroy(): void;
}
