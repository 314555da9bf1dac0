/** @file Hands on the last spans before the process ends; loads nothing where no SDK is there. */

/** Where the API keeps what was registered, whichever copy of it did. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");
const LIMIT_MS = 5_000;

/** Waits until the SDK that is registered, if one is, has sent the spans it holds back; at most five seconds. */
export async function flushSpans(): Promise<void> {
  if (!(REGISTRY in globalThis)) return;
  const { trace } = await import("@opentelemetry/api");
  // By shape: what stands before an SDK's provider may be of another copy of the API.
  const registered = trace.getTracerProvider() as { getDelegate?: () => object };
  const provider = registered.getDelegate?.() ?? registered;
  const { forceFlush } = provider as { forceFlush?: () => Promise<void> };
  const late = new Promise<void>((resolve) => void setTimeout(resolve, LIMIT_MS).unref());
  // Nothing can be done about spans that nobody takes.
  await Promise.race([Promise.resolve(forceFlush?.call(provider)).catch(() => {}), late]);
}
