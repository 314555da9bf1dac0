/** @file Row indices that come straight from inputs, checked before a run: onnxruntime takes −1 for the last row. */
import type { NumericArray } from "./backend.js";
import type { Graph, Value } from "./value.js";

export interface IndexBound {
  readonly op: "gather" | "scatterAdd";
  readonly input: string;
  readonly rowCount: number;
}

/** Bounds of the inputs that are used as indices, as they are or reshaped. */
export function indexBounds(graph: Graph): IndexBound[] {
  const bounds: IndexBound[] = [];
  for (const node of graph.nodes) {
    if (node.op !== "gather" && node.op !== "scatterAdd") continue;
    const input = inputBehind(node.inputs[node.op === "gather" ? 1 : 0] as Value);
    const rowCount =
      node.op === "gather" ? ((node.inputs[0] as Value).shape[0] as number) : node.attributes.rowCount;
    if (input !== undefined) bounds.push({ op: node.op, input, rowCount });
  }
  return bounds;
}

/** @throws {RangeError} naming op, input and index. */
export function checkIndices(
  bounds: readonly IndexBound[],
  feeds: Readonly<Record<string, NumericArray>>,
): void {
  for (const { op, input, rowCount } of bounds) {
    const data = feeds[input];
    if (data === undefined) continue;
    for (let i = 0; i < data.length; i++) {
      const row = data[i] as number;
      if (row < 0 || row >= rowCount)
        throw new RangeError(
          `${op}: index ${row} at position ${i} of "${input}" lies outside 0…${rowCount - 1}`,
        );
    }
  }
}

function inputBehind({ node }: Value): string | undefined {
  if (node.op === "input") return node.attributes.name;
  return node.op === "reshape" ? inputBehind(node.inputs[0] as Value) : undefined;
}
