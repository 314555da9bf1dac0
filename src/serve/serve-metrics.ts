/** @file Figures of a server in the text format of Prometheus. */
import type { ServedAnswer } from "./served-answer.js";

/** Upper bounds of the histogram of times, seconds. */
const BOUNDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

type Labels = Readonly<Record<string, string>>;

export class ServeMetrics {
  /** Name → labels as text → value. */
  readonly #counters = new Map<string, Map<string, number>>();
  readonly #buckets = BOUNDS.map(() => 0);
  #seconds = 0;
  #answers = 0;

  /** A request has ended. @param status - of its answer; 499 where the client went away */
  ended(model: string, status: number, seconds: number): void {
    this.#add("w4s_requests_total", { model, status: String(status) }, 1);
    this.#answers++;
    this.#seconds += seconds;
    for (const [index, bound] of BOUNDS.entries()) if (seconds <= bound) this.#buckets[index]!++;
  }

  /** A workflow has answered. */
  used({ model, models }: Pick<ServedAnswer, "model" | "models">): void {
    for (const [role, usage] of Object.entries(models)) {
      this.#add("w4s_model_calls_total", { model, role }, usage.calls);
      this.#add("w4s_tokens_total", { model, role, kind: "prompt" }, usage.promptTokens);
      this.#add("w4s_tokens_total", { model, role, kind: "completion" }, usage.completionTokens);
      this.#add("w4s_dollars_total", { model, role }, usage.dollars ?? 0);
    }
  }

  reloaded(): void {
    this.#add("w4s_reloads_total", {}, 1);
  }

  /** @param gauges - present values by name */
  text(gauges: Readonly<Record<string, number>>): string {
    const lines = [
      ...Object.entries(gauges).flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]),
      ...[...this.#counters].flatMap(([name, values]) => [
        `# TYPE ${name} counter`,
        ...[...values].map(([labels, value]) => `${name}${labels} ${value}`),
      ]),
      "# TYPE w4s_request_seconds histogram",
      ...BOUNDS.map((bound, index) => `w4s_request_seconds_bucket{le="${bound}"} ${this.#buckets[index]}`),
      `w4s_request_seconds_bucket{le="+Inf"} ${this.#answers}`,
      `w4s_request_seconds_sum ${this.#seconds}`,
      `w4s_request_seconds_count ${this.#answers}`,
    ];
    return `${lines.join("\n")}\n`;
  }

  #add(name: string, labels: Labels, value: number): void {
    const values = this.#counters.get(name) ?? new Map<string, number>();
    const text = labelText(labels);
    values.set(text, (values.get(text) ?? 0) + value);
    this.#counters.set(name, values);
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
