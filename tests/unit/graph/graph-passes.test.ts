/** @file What happens to whole graphs: simplified, checked, printed. */
import { describe, expect, it } from "vitest";
import { InternalError } from "../../../src/core/errors.js";
import { checkGraph } from "../../../src/graph/check-graph.js";
import { type Graph, GraphBuilder, type Node, type Value } from "../../../src/graph/graph-builder.js";
import { printGraph } from "../../support/print-graph.js";

function small(): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", [2, 3]);
  const w = g.input("w", [4, 3]);
  const y = g.matmul(x, w, { transB: true, alpha: 0.5 });
  g.output("y", g.add(y, g.constant([1, 2, 3, 4, 5, 6, 7, 8], [2, 4])));
  return g.build();
}

const ops = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe("simplification", () => {
  it("drops what no output needs, and keeps unread inputs declared", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2]);
    g.input("unread", [3]);
    g.exp(g.add(x, x));
    g.output("y", g.neg(x));
    const graph = g.build();
    expect(ops(graph)).toEqual(["input", "neg"]);
    expect([...graph.inputs.keys()]).toEqual(["x", "unread"]);
  });

  it("shares equal nodes, through chains and swapped sums", () => {
    const g = new GraphBuilder();
    const [x, z] = [g.input("x", [2]), g.input("z", [2])];
    const left = g.exp(g.mul(g.add(x, z), 2));
    const right = g.exp(g.mul(2, g.add(z, x)));
    g.output("y", g.sub(left, right));
    const graph = g.build();
    expect(ops(graph).sort()).toEqual(["add", "constant", "exp", "input", "input", "mul", "sub"]);
    const last = graph.nodes.at(-1) as Node;
    expect(last.inputs[0]).toBe(last.inputs[1]);
  });

  it("keeps apart what only looks alike", () => {
    const g = new GraphBuilder();
    const [x, z] = [g.input("x", [2, 2]), g.input("z", [2, 2])];
    const parts = [
      g.sub(x, z),
      g.sub(z, x),
      g.matmul(x, z),
      g.matmul(x, z, { transA: true }),
      g.reduceSum(x, [0], { keepDims: true }),
      g.reduceSum(x, [1], { keepDims: true }),
      g.constant(0, [1]),
      g.constant(-0, [1]),
      g.constant(Number.NaN, [1]),
      g.constant(Number.POSITIVE_INFINITY, [1]),
      g.constant([0, 0], [1, 2]),
      g.constant([0, 0], [2, 1]),
    ];
    parts.forEach((value, i) => {
      g.output(`y${i}`, value);
    });
    const graph = g.build();
    expect(new Set(graph.outputs.values()).size).toBe(parts.length);
  });

  it("leaves the builder usable", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2]);
    g.output("y", g.exp(x));
    const first = g.build();
    g.output("z", g.neg(x));
    expect([...first.outputs.keys()]).toEqual(["y"]);
    expect([...g.build().outputs.keys()]).toEqual(["y", "z"]);
  });

  it("gives two names to one value", () => {
    const g = new GraphBuilder();
    const x = g.input("x", [2]);
    g.output("a", g.exp(x));
    g.output("b", g.exp(x));
    const { outputs } = g.build();
    expect(outputs.get("a")).toBe(outputs.get("b"));
  });
});

describe("checker", () => {
  const damage = (
    change: (graph: { nodes: Node[]; outputs: Map<string, Value>; inputs: Map<string, Value> }) => void,
  ) => {
    const graph = small();
    const copy = { nodes: [...graph.nodes], outputs: new Map(graph.outputs), inputs: new Map(graph.inputs) };
    change(copy);
    return () => checkGraph(copy);
  };
  const at = (nodes: readonly Node[], op: string) => nodes.findIndex((node) => node.op === op);

  it("accepts what the builder makes", () => {
    expect(damage(() => {})).not.toThrow();
  });

  it.each<[string, RegExp, Parameters<typeof damage>[0]]>([
    ["order", /is not computed before it/, (graph) => graph.nodes.reverse()],
    ["a missing node", /%0 is not computed before/, (graph) => graph.nodes.shift()],
    ["a node twice", /its number is taken/, (graph) => graph.nodes.push(graph.nodes.at(-1) as Node)],
    [
      "a wrong shape",
      /marked float32\[4, 2\], but its inputs give float32\[2, 4\]/,
      ({ nodes }) => {
        const node = { ...(nodes[at(nodes, "matmul")] as Node) };
        const output: Value = { ...node.output, shape: [4, 2], node: node as Node };
        nodes[at(nodes, "matmul")] = Object.assign(node, { output }) as Node;
      },
    ],
    [
      "a value of another node",
      /belongs to another node/,
      ({ nodes }) => {
        nodes[at(nodes, "add")] = { ...(nodes[at(nodes, "add")] as Node) } as Node;
      },
    ],
    ["an output from nowhere", /output "y" is never computed/, ({ nodes }) => nodes.pop()],
    [
      "an input under another name",
      /listed as input "v"/,
      ({ inputs }) => inputs.set("v", inputs.get("x") as Value),
    ],
    ["an undeclared input", /input "w" is not the declared one/, ({ inputs }) => inputs.delete("w")],
  ])("catches %s", (_name, message, change) => {
    const check = damage(change);
    expect(check).toThrow(InternalError);
    expect(check).toThrow(message);
  });
});

describe("printer", () => {
  it("shows one node a line with types and attributes", () => {
    expect(printGraph(small())).toBe(
      [
        "graph(x: float32[2, 3], w: float32[4, 3]) {",
        '  %0 = input "x" : float32[2, 3]',
        '  %1 = input "w" : float32[4, 3]',
        "  %2 = matmul(%0, %1, transA=false, transB=true, alpha=0.5) : float32[2, 4]",
        "  %3 = constant(1, 2, 3, 4, …) : float32[2, 4]",
        "  %4 = add(%2, %3) : float32[2, 4]",
        "  return y: %4",
        "}",
      ].join("\n"),
    );
  });
});
