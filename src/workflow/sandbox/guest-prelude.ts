/**
 * @file What is inside the sandbox before a workflow's code: `agent`, the seeded clock and dice, and the border.
 * The text of `guestPrelude` is evaluated by QuickJS. It captures every built-in it needs first and later uses only
 * these, so that tampered prototypes cannot change what crosses the border. That border is JSON text.
 */
import type { ReplyReaders } from "../../core/reply/reply-readers.js";

/** Values the child hands to the prelude; the functions are host functions that take and give strings. */
export interface PreludeHost {
  /** Starts a host call; "" = admitted, else why not. */
  call(id: number, name: string, argumentsJson: string): string;
  /** Value of a reader of replies ("readNumber", …) for its arguments, as JSON texts; "" stands for undefined. */
  read(name: string, argumentsJson: string): string;
  /** Takes one log entry as a JSON string; false once the log is full. */
  log(json: string): boolean;
  /** Ends the run: an outcome of GuestOutcome and its JSON (the answer, or a described error). */
  end(outcome: string, json: string): void;
}

export interface PreludeOptions {
  seed: number;
  /** Names of the calls that exist: "text", "weak.text", … */
  calls: string[];
  argumentBytes: number;
  resultBytes: number;
  errorBytes: number;
  taskJson: string;
}

/** "returned" carries the answer, "bad-result" and "too-big" a message, "threw" and "refused" a described error. */
export type GuestOutcome = "returned" | "bad-result" | "too-big" | "threw" | "refused";

/** Functions that the prelude gives back to the child. */
export interface PreludeHandles {
  /** Calls the workflow of an evaluated module; its outcome arrives through `host.end`. */
  start(moduleOrPromise: unknown): void;
  /** Delivers the reply to a host call, and a JSON list of those of its texts that were cut at their token limit. */
  settle(id: number, isOk: boolean, json: string, cutJson: string): void;
  /** An error as JSON `{ name, message, stack }`, read without running getters. */
  describe(error: unknown): string;
}

/** Answers nested deeper than this are no answers. */
const MAX_DEPTH = 64;

/**
 * Source of the guest's side as one expression: a function of (host, JSON of the options).
 * @param helpersSource - expression of a function that makes the global functions from the readers and `isCut(text)`
 */
export function preludeSource(helpersSource: string): string {
  return `(${guestPrelude})(${helpersSource}, ${MAX_DEPTH})`;
}

/** Prelude of the guest; only its text is used. No outer names, no iterators, no methods looked up late. */
function guestPrelude(
  makeHelpers: (readers: ReplyReaders, isCut: (text: unknown) => boolean) => Record<string, unknown>,
  maxDepth: number,
) {
  const { apply, construct, ownKeys, getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const { create, freeze, is } = Object;
  const { isArray } = Array;
  const { stringify, parse } = JSON;
  const GuestPromise = Promise;
  const GuestTypeError = TypeError;
  const GuestError = Error;
  const RealDate = Date;
  const toText = String;
  const objectPrototype = Object.prototype;
  const sliceString = String.prototype.slice;
  const trimString = String.prototype.trim;
  const imul = Math.imul;
  const hasOwn = Object.hasOwn;
  const slice = (text: string, end: number): string => apply(sliceString, text, [0, end]) as string;

  return (host: PreludeHost, optionsJson: string): PreludeHandles => {
    const options = parse(optionsJson) as PreludeOptions;
    const { argumentBytes, resultBytes, errorBytes } = options;

    /** JSON text of a value; every member is read once. `refuse` gets why a value cannot cross and must throw. */
    const encode = (
      value: unknown,
      cap: number,
      isArgument: boolean,
      refuse: (kind: "bad-result" | "too-big", why: string) => never,
    ): string => {
      let size = 0;
      const spend = (characters: number): void => {
        size += characters;
        if (size > cap) refuse("too-big", `more than ${cap} bytes`);
      };
      const visit = (item: unknown, depth: number): string => {
        if (item === null) {
          spend(4);
          return "null";
        }
        switch (typeof item) {
          case "string":
            spend(item.length + 2);
            return stringify(item);
          case "boolean":
            spend(5);
            return item ? "true" : "false";
          case "number":
            if (!(item - item === 0)) return refuse("bad-result", `the number ${item}`);
            if (is(item, -0)) return refuse("bad-result", "the number -0");
            spend(1);
            return `${item}`;
          case "object":
            break;
          default:
            return refuse("bad-result", typeof item === "undefined" ? "undefined" : `a ${typeof item}`);
        }
        if (depth >= maxDepth) return refuse("bad-result", `nested deeper than ${maxDepth} or cyclic`);
        if (isArray(item)) {
          const length = item.length;
          spend(length + 2);
          let list = "";
          for (let i = 0; i < length; i++) list += (i === 0 ? "" : ",") + visit(item[i], depth + 1);
          return `[${list}]`;
        }
        const prototype = getPrototypeOf(item as object);
        if (prototype !== objectPrototype && prototype !== null) {
          return refuse("bad-result", "an object that is no plain object");
        }
        const keys = ownKeys(item as object);
        let members = "";
        for (let i = 0; i < keys.length; i++) {
          const key = keys[i];
          if (typeof key !== "string") return refuse("bad-result", "a symbol as a key");
          if (key === "__proto__") return refuse("bad-result", "the key __proto__");
          const member = (item as Record<string, unknown>)[key];
          if (member === undefined && isArgument) continue;
          spend(key.length + 4);
          members += `${members === "" ? "" : ","}${stringify(key)}:${visit(member, depth + 1)}`;
        }
        return `{${members}}`;
      };
      return visit(value, 0);
    };

    /** A data property of an object or of its prototypes; getters are not run. */
    const dataProperty = (object: object, key: string): unknown => {
      let holder: object | null = object;
      for (let i = 0; i < 8 && holder !== null; i++) {
        const found = getOwnPropertyDescriptor(holder, key);
        if (found) return hasOwn(found, "value") ? found.value : undefined;
        holder = getPrototypeOf(holder);
      }
      return undefined;
    };
    const describe = (error: unknown): string => {
      let name = "";
      let message = "";
      let stack = "";
      try {
        if ((typeof error === "object" && error !== null) || typeof error === "function") {
          const text = (key: string): string => {
            const value = dataProperty(error, key);
            return typeof value === "string" ? slice(value, errorBytes) : "";
          };
          name = text("name");
          message = text("message");
          stack = text("stack");
          if (name === "" && message === "") message = "threw an object without a message";
        } else
          message = `threw ${slice(typeof error === "string" ? stringify(error) : toText(error), errorBytes)}`;
      } catch {
        message = "threw an object that cannot be read";
      }
      return `{"name":${stringify(name)},"message":${stringify(message)},"stack":${stringify(stack)}}`;
    };

    const define = (target: object, key: string, value: unknown): void => {
      defineProperty(target, key, {
        __proto__: null,
        value,
        writable: true,
        enumerable: false,
        configurable: true,
      } as PropertyDescriptor);
    };
    interface Waiting {
      resolve(value: unknown): void;
      reject(error: unknown): void;
      /** Made at the call, so that its stack names the line of the workflow; the message comes later. */
      failure: Error;
    }
    const waiting = create(null) as Record<number, Waiting | undefined>;
    let lastId = 0;
    const start = (name: string, args: unknown[]): unknown =>
      new GuestPromise((resolve, reject) => {
        let length = args.length;
        while (length > 0 && args[length - 1] === undefined) length--;
        const refuse = (kind: string, why: string): never => {
          const what = kind === "too-big" ? `arguments are too big: ${why}` : `arguments hold ${why}`;
          throw new GuestTypeError(`agent.${name}: ${what}`);
        };
        let list = "";
        for (let i = 0; i < length; i++) {
          list +=
            (i === 0 ? "" : ",") +
            (args[i] === undefined
              ? "null"
              : encode(args[i], argumentBytes, true, (kind, why) => {
                  // The child must know: a limit that was hit is remembered even if this error is caught.
                  if (kind === "too-big") host.call(0, name, "");
                  return refuse(kind, why);
                }));
        }
        const id = ++lastId;
        const failure = new GuestError("");
        waiting[id] = { resolve, reject, failure };
        const refusal = host.call(id, name, `[${list}]`);
        if (refusal !== "") {
          delete waiting[id];
          define(failure, "message", refusal);
          reject(failure);
        }
      });
    // Replies that were cut at their token limit, by their texts without outer white space: a string can carry no mark.
    const cutReplies = create(null) as Record<string, true | undefined>;
    const trim = (text: string): string => apply(trimString, text, []) as string;
    const isCut = (text: unknown): boolean => typeof text === "string" && cutReplies[trim(text)] === true;
    defineProperty(String.prototype, "isCut", {
      __proto__: null,
      get(this: unknown) {
        return isCut(toText(this));
      },
      enumerable: false,
      configurable: true,
    } as PropertyDescriptor);
    const reader = (name: string) => (text: unknown, second?: unknown, third?: unknown) => {
      const found = host.read(name, stringify([text, second, third]));
      return found === "" ? undefined : parse(found);
    };
    const readers = { __proto__: null } as unknown as Record<string, unknown>;
    readers.readNumber = reader("readNumber");
    readers.readChoice = reader("readChoice");
    readers.readCode = reader("readCode");
    readers.readMarks = reader("readMarks");
    const helpers = makeHelpers(readers as unknown as ReplyReaders, isCut);
    const settle = (id: number, isOk: boolean, json: string, cutJson: string): void => {
      const call = waiting[id];
      if (call === undefined) return;
      delete waiting[id];
      const value: unknown = parse(json);
      const cut = parse(cutJson) as string[];
      for (let i = 0; i < cut.length; i++) cutReplies[trim(cut[i] as string)] = true;
      if (isOk) call.resolve(value);
      else {
        define(call.failure, "message", value);
        call.reject(call.failure);
      }
    };

    let isLogOpen = true;
    const log = (value: unknown): void => {
      if (!isLogOpen) return;
      let text: string;
      try {
        text =
          typeof value === "string"
            ? value
            : encode(value, argumentBytes, true, (_kind, why) => {
                throw new GuestTypeError(why);
              });
      } catch {
        text = `[a ${typeof value} that is not JSON]`;
      }
      isLogOpen = host.log(stringify(slice(text, argumentBytes)));
    };

    const agent = create(null) as Record<string, unknown>;
    const weak = create(null) as Record<string, unknown>;
    for (let i = 0; i < options.calls.length; i++) {
      const name = options.calls[i] as string;
      const isWeak = slice(name, 5) === "weak.";
      const short = isWeak ? (apply(sliceString, name, [5]) as string) : name;
      (isWeak ? weak : agent)[short] =
        name === "log" ? freeze(log) : freeze((...args: unknown[]) => start(name, args));
    }
    if (ownKeys(weak).length > 0) agent.weak = freeze(weak);
    freeze(agent);
    const task: unknown = parse(options.taskJson);

    // Dice and clock are functions of the seed (sfc32; a clock that moves a millisecond with every look).
    let a = options.seed | 0;
    let b = a ^ 0x9e3779b9;
    let c = imul(a, 0x85ebca6b) ^ 0x51ed270b;
    let counter = 1;
    const random = (): number => {
      const t = (a + b + counter++) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + t;
      return (t >>> 0) / 4294967296;
    };
    for (let i = 0; i < 12; i++) random();
    // 2020-01-01 plus up to about a month.
    let now = 1577836800000 + ((options.seed >>> 0) % 2592000000);
    const clock = (): number => now++;
    const utc = RealDate.UTC;
    const parseDate = RealDate.parse;
    const dateText = RealDate.prototype.toString;
    const SeededDate = function (this: unknown, ...args: unknown[]): unknown {
      const isCall = new.target === undefined;
      const date = construct(
        RealDate,
        isCall || args.length === 0 ? [clock()] : args,
        isCall ? RealDate : new.target,
      );
      return isCall ? apply(dateText, date, []) : date;
    };
    SeededDate.prototype = RealDate.prototype;
    define(SeededDate, "name", "Date");
    define(SeededDate, "now", clock);
    define(SeededDate, "UTC", utc);
    define(SeededDate, "parse", parseDate);
    define(RealDate.prototype, "constructor", SeededDate);
    define(globalThis, "Date", SeededDate);
    define(Math, "random", random);
    const shut = ["performance", "SharedArrayBuffer", "Atomics", "WeakRef", "FinalizationRegistry"];
    for (let i = 0; i < shut.length; i++) delete (globalThis as Record<string, unknown>)[shut[i] as string];

    const names = ownKeys(helpers) as string[];
    for (let i = 0; i < names.length; i++)
      define(globalThis, names[i] as string, helpers[names[i] as string]);
    const logAll = (...values: unknown[]): void => {
      for (let i = 0; i < values.length; i++) log(values[i]);
    };
    define(
      globalThis,
      "console",
      freeze({ log: logAll, info: logAll, warn: logAll, error: logAll, debug: logAll }),
    );

    const finish = (value: unknown): void => {
      let outcome: GuestOutcome = "returned";
      let json: string;
      const signal = freeze(create(null) as object);
      try {
        let answer = value;
        if (typeof value === "object" && value !== null && !isArray(value)) {
          if (!hasOwn(value, "answer")) {
            outcome = "bad-result";
            json = stringify("the workflow returned an object without a member `answer`");
            host.end(outcome, json);
            return;
          }
          answer = (value as { answer: unknown }).answer;
        }
        if (answer === null) {
          host.end("bad-result", stringify("the workflow returned null; return the answer or { answer }"));
          return;
        }
        json = encode(answer, resultBytes, false, (kind, why) => {
          outcome = kind;
          host.end(
            kind,
            stringify(kind === "too-big" ? `the answer is too big: ${why}` : `the answer is or holds ${why}`),
          );
          throw signal;
        });
      } catch (error) {
        if (error !== signal) host.end("threw", describe(error));
        return;
      }
      host.end(outcome, json);
    };
    const run = async (moduleOrPromise: unknown): Promise<void> => {
      try {
        const module = (await moduleOrPromise) as Record<string, unknown>;
        const workflow = hasOwn(module, "default") ? module.default : module.$w4sWorkflow;
        if (typeof workflow !== "function") {
          host.end(
            "refused",
            describe(new GuestTypeError(`the workflow is a ${typeof workflow}, not a function`)),
          );
          return;
        }
        finish(await workflow(agent, task));
      } catch (error) {
        host.end("threw", describe(error));
      }
    };
    return {
      start(moduleOrPromise) {
        void run(moduleOrPromise);
      },
      settle,
      describe,
    };
  };
}
