/** @file What settings of training are refused for, before any work. */
import { expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import {
  checkModelTrainSettings,
  DEFAULT_MODEL_TRAIN_SETTINGS,
  type SharedTrainSettings,
} from "../../../src/train/train-settings.js";

const { NaN: NO_NUMBER, POSITIVE_INFINITY: INFINITE } = Number;

it.each<Partial<SharedTrainSettings>>([
  ...[0, 1.5, NO_NUMBER].map((epochs) => ({ epochs })),
  ...[0, 1.5, NO_NUMBER].map((batchSize) => ({ batchSize })),
  ...[0, -1, NO_NUMBER, INFINITE].map((learningRate) => ({ learningRate })),
  ...[0, -1, NO_NUMBER, INFINITE].map((maxGradientNorm) => ({ maxGradientNorm })),
  ...[-1, 1, NO_NUMBER, INFINITE].map((weightDecay) => ({ weightDecay })),
  ...[-0.1, 1.1, NO_NUMBER].map((warmupShare) => ({ warmupShare })),
])("refuses %j, naming the setting", (wrong) => {
  const settings = { ...DEFAULT_MODEL_TRAIN_SETTINGS, ...wrong };
  expect(() => checkModelTrainSettings(settings)).toThrow(ConfigError);
  expect(() => checkModelTrainSettings(settings)).toThrow(Object.keys(wrong)[0]);
});
