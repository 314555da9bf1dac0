/** @file From names in the configuration to metered models: `openai:URL`, an alias, `local:…`, `simulated`, `replay:RUN`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { executorLanes } from "../config/executor-lanes.js";
import { DEFAULT_KEY_VARIABLE, keyVariable } from "../config/key-variable.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError, InputError } from "../core/errors.js";
import { CallStore } from "../llm/call-store.js";
import type { ChatModel } from "../llm/chat-model.js";
import { LocalChatModel } from "../llm/local/local-chat-model.js";
import { MeteredModel, type MeteredModelOptions } from "../llm/metered-model.js";
import { OpenAIChatModel } from "../llm/openai/openai-chat-model.js";
import type { RequestParams } from "../llm/openai/request-params.js";
import { FREE, givenPrice, type Price, priceFor } from "../llm/prices.js";
import { ReplayChatModel } from "../llm/replay-chat-model.js";
import {
  SIMULATED_PRICE,
  SIMULATED_WEAK_SKILL,
  SimulatedChatModel,
} from "../llm/simulated/simulated-chat-model.js";
import { readManifest } from "../records/run-manifest.js";
import { simulatedItems } from "../tasks/simulated-items.js";
import type { Sample } from "../tasks/task.js";
import type { LocalModels } from "./local-models.js";

export interface BuiltExecutor {
  model: ChatModel;
  price: Price | undefined;
  /** Hands the items about to be run to a simulated executor; does nothing for others. */
  onSample(sample: Sample): void;
}

/** The settings that models are built from. */
export type ExecutorConfig = Pick<
  RunConfig,
  | "executors"
  | "executorModel"
  | "params"
  | "apiKeyEnv"
  | "price"
  | "seed"
  | "concurrency"
  | "requestsPerMinute"
  | "executor"
  | "timeoutMs"
  | "idleTimeoutMs"
  | "maxRetries"
  | "stream"
  | "sendSeed"
  | "maxWaitSeconds"
>;

export interface ExecutorContext {
  config: ExecutorConfig;
  /** Local models, shared with the policy where a name is the same file. */
  local: LocalModels;
  onWarning(message: string): void;
}

type Asking = "timeoutMs" | "idleTimeoutMs" | "maxRetries" | "stream" | "sendSeed";

interface Endpoint extends Partial<Pick<ExecutorConfig, Asking>> {
  url: string;
  model?: string | undefined;
  apiKeyEnv?: string | undefined;
  price?: Price | undefined;
  params?: RequestParams | undefined;
}

/**
 * Builds the model behind an executor name.
 * @throws {ConfigError} on an unknown name or a missing model or key; {InputError} on a missing file.
 */
export async function buildExecutor(spec: string, context: ExecutorContext): Promise<BuiltExecutor> {
  const { config } = context;
  const alias = config.executors[spec];
  if (alias) {
    return openAI({ ...alias, price: givenPrice(alias) }, context);
  }
  const colon = spec.indexOf(":");
  const kind = colon < 0 ? spec : spec.slice(0, colon);
  const rest = colon < 0 ? "" : spec.slice(colon + 1);
  switch (kind) {
    case "openai":
      return openAI({ ...config, url: rest, model: config.executorModel }, context);
    case "local": {
      const { enable_thinking } = (config.params?.chat_template_kwargs ?? {}) as {
        enable_thinking?: unknown;
      };
      const loaded = await context.local.load(rest, executorLanes(config.concurrency));
      const model = new LocalChatModel(loaded, enable_thinking === true);
      return { model, price: FREE, onSample: () => {} };
    }
    case "simulated": {
      const model = new SimulatedChatModel({ seed: config.seed, skill: simulatedSkill(rest, 0) });
      const onSample = (sample: Sample) => {
        const items = simulatedItems([sample]);
        if (items.length === 0) {
          throw new ConfigError(
            `the simulated executor cannot solve ${sample.id}: its dataset is not a generated family`,
            {
              hint: "choose a task whose dataset.json names a family (w4s data list), or a real executor",
            },
          );
        }
        model.register(items);
      };
      return { model, price: SIMULATED_PRICE, onSample };
    }
    case "replay":
      return {
        model: openReplay(rest),
        price: FREE,
        onSample: () => {},
      };
    default:
      throw new ConfigError(`unknown executor ${JSON.stringify(spec)}`, {
        hint: `use openai:URL, local:FILE|NAME, simulated, replay:RUN or an alias of the config (${
          Object.keys(config.executors).join(", ") || "none there"
        })`,
      });
  }
}

/**
 * The model behind agent.weak: a GGUF file, or `simulated` and `simulated:SKILL` for a less able stand-in where no local
 * model can answer questions. It runs here, or plays one that does, so that it costs nothing.
 * @throws {ConfigError | InputError} as buildExecutor does
 */
export async function buildWeakModel(name: string, context: ExecutorContext): Promise<BuiltExecutor> {
  const [kind, ...rest] = name.split(":");
  if (kind !== "simulated") return await buildExecutor(`local:${name}`, context);
  const skill = simulatedSkill(rest.join(":"), SIMULATED_WEAK_SKILL);
  return { ...(await buildExecutor(`simulated:${skill}`, context)), price: FREE };
}

/** @throws {ConfigError} on what is no number from −3 to 3 */
function simulatedSkill(text: string, otherwise: number): number {
  if (text === "") return otherwise;
  const skill = Number(text);
  if (text.trim() === "" || !(skill >= -3 && skill <= 3)) {
    throw new ConfigError(`simulated:${text}: the skill must be a number from -3 to 3`, {
      hint: `${SIMULATED_WEAK_SKILL} plays a local model of half a billion parameters, 0 a hosted one`,
    });
  }
  return skill;
}

function openAI(endpoint: Endpoint, context: ExecutorContext): BuiltExecutor {
  const { config, onWarning } = context;
  if (!endpoint.model) {
    throw new ConfigError(`executor openai:${endpoint.url} needs a model name`, {
      hint: "add --executor-model NAME",
    });
  }
  const keyName = keyVariable(config, endpoint.url, endpoint.apiKeyEnv);
  const apiKey = keyName === undefined ? undefined : process.env[keyName];
  const { host } = new URL(endpoint.url);
  const model = new OpenAIChatModel({
    baseUrl: endpoint.url,
    model: endpoint.model,
    apiKey,
    keyHint:
      keyName === undefined
        ? `no key was sent: name its variable in apiKeyEnv (--api-key-env); ${DEFAULT_KEY_VARIABLE} alone does not go to ${host}`
        : apiKey
          ? `check the key in ${keyName} and that it belongs to ${host}, or name its variable in apiKeyEnv (--api-key-env)`
          : `${keyName} is not set: set it, or name the variable of the key in apiKeyEnv (--api-key-env)`,
    maxConcurrency: config.concurrency,
    requestsPerMinute: config.requestsPerMinute,
    params: endpoint.params,
    timeoutMs: endpoint.timeoutMs,
    idleTimeoutMs: endpoint.idleTimeoutMs,
    maxRetries: endpoint.maxRetries,
    stream: endpoint.stream,
    sendSeed: endpoint.sendSeed,
    maxWaitMs: config.maxWaitSeconds === undefined ? undefined : config.maxWaitSeconds * 1000,
    onWarning,
  });
  return {
    model,
    price: endpoint.price ?? priceFor(endpoint.model, endpoint.params?.service_tier) ?? undefined,
    onSample: () => {},
  };
}

/**
 * Chat model that answers from the calls of a recorded run, under the id and the label of the model that was recorded.
 * @param directory - a run directory
 * @throws {InputError} where it is none; its chat() throws {ModelCallError} `unseen-prompt` on a call that was not recorded
 */
export function openReplay(directory: string): ReplayChatModel {
  const { executor, isSimulated } = readManifest(directory);
  const calls = join(directory, "calls.db");
  if (!existsSync(calls)) {
    throw new InputError(`${directory} holds no calls: calls.db is missing`, {
      hint: "name a run that kept its calls, not one with --cache",
    });
  }
  return new ReplayChatModel({ store: CallStore.open(calls), id: executor, isSimulated });
}

/** Puts cache, ledger and budget around a model. */
export function metered(
  built: BuiltExecutor,
  role: string,
  context: Pick<MeteredModelOptions, "store" | "budget" | "seed">,
): MeteredModel {
  return new MeteredModel({
    model: built.model,
    role,
    ...context,
    price: built.price,
  });
}
