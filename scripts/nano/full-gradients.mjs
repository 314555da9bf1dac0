/**
 * @file Loss and gradients of every weight of a small llama model, with the trainer's own layer graphs.
 *
 * A row of a batch is a small tree: a prompt, and replies that all continue it and do not see each other. Rows of one
 * length share programs, wherever their replies begin: positions and attention masks are fed anew for every batch.
 * B rows of L tokens, T = B·L, D hidden size, P predicted tokens, V vocabulary.
 */
import { gradients } from "../../dist/graph/gradients.js";
import { GraphBuilder } from "../../dist/graph/graph-builder.js";
import { layerGraphs } from "../../dist/train/gradients/layer-graphs.js";
import { ropeTable } from "../../dist/transformer/rope-table.js";

const EMBEDDING = "token_embd.weight";
const FINAL_NORM = "output_norm.weight";
const DEFAULT_HEAD_STEP = 256;
/** Queries per block of attention. */
const BLOCK = 128;
/** Added to the score of a hidden key: far below any score, yet finite. */
const HIDDEN = -1e30;

export class FullGradients {
  #model;
  #backend;
  #headStep;
  #layers = new Map();
  #heads = new Map();
  #buffers = new Map();

  /**
   * @param options.model what readModel() gives, with a tied head and no biases
   * @param options.headStep predicting positions are padded to a multiple of it, so that few head programs are needed
   */
  constructor({ model, backend, headStep = DEFAULT_HEAD_STEP }) {
    const { config } = model;
    if (!config.isHeadTied || config.embeddingScale !== 1 || config.logitSoftcap !== undefined)
      throw new RangeError("only plain models with a tied head are trained here");
    this.#model = model;
    this.#backend = backend;
    this.#headStep = headStep;
  }

  /**
   * Writes the gradients of Σ weight · cross-entropy into `into` and returns that sum.
   * @param batch.rows segments of each row in order, as lengths: the prompt, then its replies; padding may follow
   * @param batch.tokens [B·L]
   * @param batch.targets predicted tokens by their place in `tokens`, the place that predicts them, and their weight
   */
  async run({ rows, length, tokens, targets }, parameters, into) {
    const { config } = this.#model;
    const D = config.hiddenSize;
    const programs = await this.#layerPrograms(rows.length, length);
    const layout = this.#layoutFeeds(rows, length, programs.plan);
    const feedsOf = (index) => {
      const weights = programs.trained.map((name) => [name, parameters.get(`blk.${index}.${name}`)]);
      return { ...layout, ...Object.fromEntries(weights) };
    };
    const embedding = parameters.get(EMBEDDING);
    let x = this.#buffer("embedded", tokens.length * D);
    for (const [row, token] of tokens.entries())
      x.set(embedding.subarray(token * D, (token + 1) * D), row * D);
    const inputs = [];
    const kept = [];
    for (let index = 0; index < config.layerCount; index++) {
      const outputs = Object.fromEntries(
        [...programs.kept].map(([name, size]) => [name, this.#buffer(`${index} ${name}`, size)]),
      );
      const y = this.#buffer(`${index} y`, x.length);
      await programs.forward.run({ ...feedsOf(index), x }, { ...outputs, y });
      inputs.push(x);
      kept.push(outputs);
      x = y;
    }
    const head = await this.#head(x, tokens, targets, parameters, into);
    let dy = head.dHidden;
    for (let index = config.layerCount - 1; index >= 0; index--) {
      const dx = this.#buffer(`dx ${index % 2}`, dy.length);
      const outputs = { dx };
      for (const name of programs.trained) outputs[`d.${name}`] = into.get(`blk.${index}.${name}`);
      await programs.backward.run({ ...feedsOf(index), ...kept[index], x: inputs[index], dy }, outputs);
      dy = dx;
    }
    // The embedding is the head too: its gradient has both parts.
    const dEmbedding = into.get(EMBEDDING);
    for (const [row, token] of tokens.entries()) addRow(dEmbedding, token, dy, row, D, 1);
    return head.loss;
  }

  async close() {
    for (const { forward, backward } of this.#layers.values()) {
      await forward.dispose();
      await backward.dispose();
    }
    for (const program of this.#heads.values()) await program.dispose();
    this.#layers.clear();
    this.#heads.clear();
  }

  async #layerPrograms(count, length) {
    const key = `${count} ${length}`;
    const known = this.#layers.get(key);
    if (known) return known;
    const { family, config } = this.#model;
    const plan = planRows(count, length);
    const graphs = layerGraphs(family, {
      config,
      plan,
      biases: new Set(),
      weightType: "float32",
      lora: null,
      keep: "products",
    });
    const made = {
      plan,
      forward: await this.#backend.compile(graphs.forward),
      backward: await this.#backend.compile(graphs.backward),
      kept: graphs.kept,
      trained: graphs.trained,
    };
    this.#layers.set(key, made);
    return made;
  }

  /** Rotary tables and masks of the rows' trees. A reply goes on where its prompt ends. */
  #layoutFeeds(rows, length, plan) {
    const { config } = this.#model;
    const positions = new Int32Array(rows.length * length);
    /** First key of the segment a token is in; keys between the prompt's end and it are hidden. */
    const firsts = new Int32Array(rows.length * length);
    for (const [row, [promptLength, ...replyLengths]] of rows.entries()) {
      const base = row * length;
      for (let at = 0; at < promptLength; at++) positions[base + at] = at;
      let start = promptLength;
      // Padding is one more segment: nothing looks at it.
      for (const size of [...replyLengths, length]) {
        for (let at = start; at < Math.min(start + size, length); at++) {
          positions[base + at] = promptLength + at - start;
          firsts[base + at] = start;
        }
        start += size;
      }
    }
    const { cos, sin } = ropeTable(config, config.layers[0].rope, positions, undefined);
    const feeds = { "rope.cos": cos, "rope.sin": sin };
    for (const { start, end, mask } of plan.blocks) {
      const row = Math.floor(start / length);
      const columns = end - row * length;
      const data = this.#buffer(`mask ${mask}`, (end - start) * columns).fill(HIDDEN);
      for (let query = start; query < end; query++) {
        const from = (query - start) * columns;
        const own = query - row * length;
        data.fill(0, from, from + Math.min(rows[row][0], own + 1));
        data.fill(0, from + Math.min(firsts[query], own), from + own + 1);
      }
      feeds[`mask.${mask}`] = data;
    }
    return feeds;
  }

  /** Loss, its gradient at the last layer's output, and the head's part of the embedding's gradient. */
  async #head(hidden, tokens, targets, parameters, into) {
    const { config } = this.#model;
    const D = config.hiddenSize;
    const P = Math.ceil(targets.length / this.#headStep) * this.#headStep;
    let program = this.#heads.get(P);
    if (program === undefined) {
      program = await this.#backend.compile(headGraph(config, P));
      this.#heads.set(P, program);
    }
    const embedding = parameters.get(EMBEDDING);
    const x = this.#buffer("head x", P * D).fill(0);
    const target = this.#buffer("head target", P * D).fill(0);
    const weight = this.#buffer("head weight", P).fill(0);
    for (const [row, { place, source, weight: factor }] of targets.entries()) {
      x.set(hidden.subarray(source * D, (source + 1) * D), row * D);
      const token = tokens[place];
      target.set(embedding.subarray(token * D, (token + 1) * D), row * D);
      weight[row] = factor;
    }
    const dx = this.#buffer("head dx", P * D);
    const normed = this.#buffer("head normed", P * D);
    const results = await program.run(
      { x, target, weight, norm: parameters.get(FINAL_NORM), embedding },
      { dx, normed, dNorm: into.get(FINAL_NORM), dEmbedding: into.get(EMBEDDING) },
    );
    const dHidden = this.#buffer("d hidden", hidden.length).fill(0);
    const dEmbedding = into.get(EMBEDDING);
    for (const [row, { place, source, weight: factor }] of targets.entries()) {
      // A prompt's last token predicts the first of every reply.
      addRow(dHidden, source, dx, row, D, 1);
      addRow(dEmbedding, tokens[place], normed, row, D, -factor);
    }
    return { loss: results.loss.reduce((sum, value) => sum + value, 0), dHidden };
  }

  /** Kept between calls: fresh pages cost as much time as a pass over them. */
  #buffer(key, size) {
    let buffer = this.#buffers.get(key);
    if (buffer === undefined || buffer.length < size) {
      buffer = new Float32Array(size);
      this.#buffers.set(key, buffer);
    }
    return buffer.subarray(0, size);
  }
}

/** Blocks of queries against all keys of their row up to their end; each with a mask of its own. */
function planRows(count, length) {
  const blocks = [];
  const masks = [];
  for (let base = 0; base < count * length; base += length) {
    for (let at = 0; at < length; at += BLOCK) {
      const end = Math.min(at + BLOCK, length);
      blocks.push({
        start: base + at,
        end: base + end,
        keys: [{ start: base, end: base + end }],
        mask: masks.length,
      });
      masks.push({ rows: end - at, columns: end, data: new Float32Array(0) });
    }
  }
  return { tokenCount: count * length, blocks, masks };
}

/**
 * Final norm, head and loss of P rows. With p = softmax(n·Eᵀ), weight w and the target's own row t = E[token]:
 * loss = w (log Σ exp(n·Eᵀ) − n·t), dn = w (p·E − t), dE = (w p)ᵀ n less w n in the target's row, which the caller adds.
 */
function headGraph(config, P) {
  const g = new GraphBuilder();
  const D = config.hiddenSize;
  const x = g.input("x", [P, D]);
  const target = g.input("target", [P, D]);
  const weight = g.reshape(g.input("weight", [P]), [P, 1]);
  const norm = g.input("norm", [D]);
  const embedding = g.input("embedding", [config.vocabSize, D]);
  const normed = g.rmsNorm(x, norm, config.normEpsilon);
  const logits = g.matmul(normed, embedding, { transB: true });
  const largest = g.reduceMax(logits, 1, { keepDims: true });
  const powers = g.exp(g.sub(logits, largest));
  const sum = g.reduceSum(powers, [1], { keepDims: true });
  const ownLogit = g.reduceSum(g.mul(normed, target), [1], { keepDims: true });
  g.output("loss", g.mul(weight, g.sub(g.add(g.log(sum), largest), ownLogit)));
  const scaled = g.mul(powers, g.div(weight, sum));
  const dNormed = g.sub(g.matmul(scaled, embedding), g.mul(target, weight));
  const [dx, dNorm] = gradients(g, [{ value: normed, upstream: dNormed }], [x, norm]);
  g.output("normed", normed);
  g.output("dx", dx);
  g.output("dNorm", dNorm);
  g.output("dEmbedding", g.matmul(scaled, normed, { transA: true }));
  return g.build();
}

function addRow(into, intoRow, from, fromRow, width, factor) {
  const a = intoRow * width;
  const b = fromRow * width;
  for (let i = 0; i < width; i++) into[a + i] += factor * from[b + i];
}
