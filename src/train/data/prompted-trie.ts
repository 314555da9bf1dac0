/** @file The tries of a divided update without the prompts that they share: those are computed once, as constants. */
import { type AttentionPlan, planAttention } from "../../transformer/attention-plan.js";
import { type TokenLayout, treeLayout } from "../../transformer/token-layout.js";
import { cutSegments, type TokenTrie } from "./token-trie.js";

/** A trie behind a prompt that is computed elsewhere. Its own layout and tokens hold what is computed here. */
export interface PromptedTrie extends TokenTrie {
  /** Row of every prompt token [S] in the shared trie of prompts, ancestors first. */
  promptRows: Int32Array;
  /** Prompt and own tokens together, the prompt first [S + T]. */
  wholeLayout: TokenLayout;
}

export interface StoppedPrompts {
  /** The prompts of all tries, each token once; undefined where nothing is shared. It predicts nothing. */
  prompt: TokenTrie | undefined;
  /** Tries without their prompts, in the order given; those that share nothing as they are. */
  parts: (TokenTrie | PromptedTrie)[];
}

/** A token of several tries. */
interface Node {
  token: number;
  parent: number;
  /** Tries that hold it. */
  tries: number;
  /** True for a token that predicts something in one of the tries. */
  isSource: boolean;
}

/**
 * Takes out of every trie what it shares with another one, from the roots down to where the first target is predicted:
 * the token that predicts it stays, so that every target keeps its gradient. The sum of the losses is the same; the
 * gradient lacks the part that flows through the prompts' keys and values.
 */
export function stopSharedPrompts(tries: readonly TokenTrie[]): StoppedPrompts {
  const { nodes, nodesOf } = mergeTries(tries);
  /** Row in the trie of prompts, by node; undefined for what is computed with gradient. */
  const rows = new Map<number, number>();
  for (const [id, { parent, tries: count, isSource }] of nodes.entries()) {
    if (count > 1 && !isSource && (parent < 0 || rows.has(parent))) rows.set(id, rows.size);
  }
  if (rows.size === 0) return { prompt: undefined, parts: [...tries] };
  const stopped = [...rows.keys()].map((id) => nodes[id] as Node);
  const prompt: TokenTrie = {
    layout: treeLayout(cutSegments(stopped.map(({ parent }) => rows.get(parent) ?? -1))),
    tokens: Int32Array.from(stopped, ({ token }) => token),
    targets: [],
  };
  const parts = tries.map((trie, i) => withoutPrompt(trie, nodesOf[i] as number[], rows));
  return { prompt, parts };
}

/** All tries as one, whatever their order; `nodesOf` has the node of every token of a trie. */
function mergeTries(tries: readonly TokenTrie[]): { nodes: Node[]; nodesOf: number[][] } {
  const nodes: Node[] = [];
  const known = new Map<string, number>();
  const nodesOf = tries.map((trie) => {
    const own: number[] = [];
    for (const [place, parentPlace] of parentsOf(trie.layout).entries()) {
      const token = trie.tokens[place] as number;
      const parent = parentPlace < 0 ? -1 : (own[parentPlace] as number);
      const key = `${parent} ${token}`;
      let id = known.get(key);
      if (id === undefined) {
        id = nodes.length;
        known.set(key, id);
        nodes.push({ token, parent, tries: 0, isSource: false });
      }
      (nodes[id] as Node).tries++;
      own.push(id);
    }
    for (const { source } of trie.targets) (nodes[own[source] as number] as Node).isSource = true;
    return own;
  });
  return { nodes, nodesOf };
}

function withoutPrompt(
  trie: TokenTrie,
  nodes: readonly number[],
  rows: ReadonlyMap<number, number>,
): TokenTrie | PromptedTrie {
  const places = nodes.map((_, place) => place);
  const prompt = places.filter((place) => rows.has(nodes[place] as number));
  if (prompt.length === 0) return trie;
  const own = places.filter((place) => !rows.has(nodes[place] as number));
  const order = [...prompt, ...own];
  const placeOf = new Map(order.map((place, index) => [place, index]));
  const parents = parentsOf(trie.layout);
  const wholeLayout = treeLayout(
    cutSegments(
      order.map((place) => placeOf.get(parents[place] as number) ?? -1),
      prompt.length,
    ),
  );
  const moved = (place: number) => (placeOf.get(place) as number) - prompt.length;
  return {
    // Segments speak of the whole; nothing reads them here.
    layout: {
      tokenCount: own.length,
      segments: wholeLayout.segments,
      positions: wholeLayout.positions.subarray(prompt.length),
    },
    tokens: Int32Array.from(own, (place) => trie.tokens[place] as number),
    targets: trie.targets.map((target) => ({
      ...target,
      token: moved(target.token),
      source: moved(target.source),
    })),
    promptRows: Int32Array.from(prompt, (place) => rows.get(nodes[place] as number) as number),
    wholeLayout,
  };
}

/** Place of every token's parent; −1 for a root. */
function parentsOf({ segments, tokenCount }: TokenLayout): Int32Array {
  const parents = new Int32Array(tokenCount);
  for (const { start, end, parent } of segments) {
    for (let place = start; place < end; place++) parents[place] = place - 1;
    parents[start] = parent < 0 ? -1 : (segments[parent]?.end as number) - 1;
  }
  return parents;
}

/** Attention of the own tokens to everything, with one small block in front for the prompt's place. */
export function planPrompted(
  { wholeLayout, promptRows }: PromptedTrie,
  window: number | undefined,
): AttentionPlan {
  const whole = planAttention(wholeLayout, window);
  const plan: AttentionPlan = {
    tokenCount: wholeLayout.tokenCount,
    segments: wholeLayout.segments,
    // One key for all queries of the prompt: their results are thrown away.
    blocks: [{ start: 0, end: promptRows.length, keys: [{ start: 0, end: 1 }], mask: undefined }],
    masks: [],
  };
  const kept = new Map<number, number>();
  for (const block of whole.blocks) {
    if (block.start < promptRows.length) continue;
    let { mask } = block;
    if (mask !== undefined) {
      const known = kept.get(mask) ?? plan.masks.length;
      if (known === plan.masks.length) plan.masks.push(whole.masks[mask] as AttentionPlan["masks"][number]);
      kept.set(mask, known);
      mask = known;
    }
    plan.blocks.push({ ...block, mask });
  }
  return plan;
}
