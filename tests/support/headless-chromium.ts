/** @file A headless Chromium, driven over its debugging pipe: no package, no port. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CALL_MS = 60_000;

/** Path of the browser, or undefined where none is installed. */
export function findChromium(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

export const NO_CHROMIUM = "no chromium on this machine (apt-get install chromium)";

type Params = Record<string, unknown>;
type Listener = (params: Params) => void;

export interface Viewport {
  width: number;
  height: number;
}

/** One tab; what it says and asks for is collected from its first moment on. */
export class Tab {
  /** Console messages of level warning and error, exceptions, and breaches of the page's policy. */
  readonly complaints: string[] = [];
  /** URLs asked for, the page's own included; data: URLs are none. */
  readonly requests: string[] = [];
  readonly #browser: HeadlessChromium;
  readonly #session: string;

  constructor(browser: HeadlessChromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  send(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.send(method, params, this.#session);
  }

  listen(): Promise<unknown> {
    const on = (method: string, listener: Listener) => this.#browser.on(this.#session, method, listener);
    on("Runtime.consoleAPICalled", (event) => {
      if (event.type === "error" || event.type === "warning")
        this.complaints.push(JSON.stringify(event.args));
    });
    on("Runtime.exceptionThrown", (event) => this.complaints.push(JSON.stringify(event.exceptionDetails)));
    on("Log.entryAdded", (event) => {
      const { level, text } = event.entry as { level: string; text: string };
      if (level === "error" || level === "warning") this.complaints.push(text);
    });
    on("Network.requestWillBeSent", (event) => {
      const { url } = event.request as { url: string };
      if (!url.startsWith("data:")) this.requests.push(url);
    });
    on("Page.javascriptDialogOpening", (event) => {
      this.complaints.push(`dialog: ${String(event.message)}`);
      void this.send("Page.handleJavaScriptDialog", { accept: false });
    });
    return Promise.all(["Page", "Runtime", "Log", "Network"].map((domain) => this.send(`${domain}.enable`)));
  }

  /** Opens a page and waits for its load event. @returns the milliseconds from navigation to that event */
  async open(url: string): Promise<number> {
    const loaded = new Promise<void>((resolve) => {
      this.#browser.on(this.#session, "Page.loadEventFired", () => resolve());
    });
    await this.send("Page.navigate", { url });
    await loaded;
    return await this.evaluate<number>(
      "performance.timing.loadEventStart - performance.timing.navigationStart",
    );
  }

  /** The value of an expression, or of the promise it gives. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
    return (answer.result as { value: T }).value;
  }

  /** Presses and releases a key such as "ArrowDown" or "Tab". */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = {
      Tab: 9,
      Enter: 13,
      End: 35,
      Home: 36,
      ArrowUp: 38,
      ArrowDown: 40,
    };
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] ?? 0 };
    const text = key === "Enter" ? { text: "\r" } : {};
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async size({ width, height }: Viewport): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
  }

  async colours(scheme: "light" | "dark"): Promise<void> {
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
  }

  /** PNG of what is in view, or of a part of the page in its own coordinates. */
  async screenshot(clip?: { x: number; y: number; width: number; height: number }): Promise<Buffer> {
    const part = clip ? { clip: { ...clip, scale: 1 }, captureBeyondViewport: true } : {};
    const { data } = await this.send("Page.captureScreenshot", { format: "png", ...part });
    return Buffer.from(String(data), "base64");
  }

  async pdf(): Promise<Buffer> {
    const { data } = await this.send("Page.printToPDF", { printBackground: false });
    return Buffer.from(String(data), "base64");
  }

  async close(): Promise<void> {
    await this.send("Page.close");
  }
}

export class HeadlessChromium {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Map<number, { resolve(value: Params): void; reject(error: Error): void }>();
  readonly #listeners: { session: string; method: string; listener: Listener }[] = [];
  #next = 1;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    let rest = "";
    (child.stdio[4] as Readable).on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\0");
      rest = parts.pop() ?? "";
      for (const part of parts) this.#receive(JSON.parse(part) as Params);
    });
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("chromium ended"));
      this.#waiting.clear();
    });
  }

  /** @param path - of findChromium() */
  static async start(path: string): Promise<HeadlessChromium> {
    const folder = mkdtempSync(join(tmpdir(), "w4s-chromium-"));
    const flags = [
      "--headless=new",
      "--remote-debugging-pipe",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--hide-scrollbars",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-extensions",
      `--user-data-dir=${folder}`,
    ];
    const child = spawn(path, flags, {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "", HOME: folder },
    });
    const browser = new HeadlessChromium(child, folder);
    await browser.send("Browser.getVersion");
    return browser;
  }

  async tab(viewport: Viewport = { width: 1280, height: 900 }): Promise<Tab> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, String(sessionId));
    await tab.listen();
    await tab.size(viewport);
    return tab;
  }

  on(session: string, method: string, listener: Listener): void {
    this.#listeners.push({ session, method, listener });
  }

  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`chromium did not answer ${method} in ${CALL_MS} ms`));
      }, CALL_MS);
      this.#waiting.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) };
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.send("Browser.close").catch(() => undefined);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #receive(message: Params): void {
    const call = typeof message.id === "number" ? this.#waiting.get(message.id) : undefined;
    if (call) {
      this.#waiting.delete(message.id as number);
      if (message.error) call.reject(new Error(JSON.stringify(message.error)));
      else call.resolve(message.result as Params);
      return;
    }
    for (const { session, method, listener } of this.#listeners) {
      if (session === message.sessionId && method === message.method) listener(message.params as Params);
    }
  }
}
