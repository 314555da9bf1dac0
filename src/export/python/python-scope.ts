/** @file Names of JavaScript as names of Python: one for each binding, since Python knows functions but no blocks. */

/** Words that Python keeps for itself, and names of `runtime/workflow.py` that translated code uses. */
const RESERVED = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case isinstance Exception WorkflowError float".split(
    " ",
  ),
);

/** Names that were given out in one translation. */
export class PythonNames {
  readonly #taken = new Set<string>();

  /** A name for a binding that no other one has. */
  give(name: string): string {
    const plain = name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^_/, "own_");
    const base = RESERVED.has(plain) ? `${plain}_` : plain;
    let chosen = base;
    for (let number = 2; this.#taken.has(chosen); number++) chosen = `${base}_${number}`;
    this.#taken.add(chosen);
    return chosen;
  }
}

/** Block or function of the source, with what it binds. */
export class PythonScope {
  readonly parent: PythonScope | undefined;
  /** The function it stands in. */
  readonly owner: PythonScope;
  /** Of a function: names of outer functions that it gives other values. */
  readonly nonlocals = new Set<string>();
  readonly #bound = new Map<string, string>();

  constructor(parent?: PythonScope, isFunction = false) {
    this.parent = parent;
    this.owner = isFunction || parent === undefined ? this : parent.owner;
  }

  bind(name: string, python: string): void {
    this.#bound.set(name, python);
  }

  /** The name in Python with the function that binds it; undefined where nothing does. */
  find(name: string): { python: string; owner: PythonScope } | undefined {
    const python = this.#bound.get(name);
    return python === undefined ? this.parent?.find(name) : { python, owner: this.owner };
  }

  has(name: string): boolean {
    return this.#bound.has(name);
  }
}
