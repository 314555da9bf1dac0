/** @file The order of data: every example once an epoch, groups together, the same from any point on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataOrder } from "../../../../src/train/data/data-position.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_129);
const RUNS = { seed: SEED, numRuns: 200 };
const groups = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 30 });
const options = fc.record({
  seed: fc.nat(),
  batchSize: fc.integer({ min: 1, max: 12 }),
  epochs: fc.integer({ min: 1, max: 3 }),
});

const updates = (order: DataOrder) =>
  Array.from({ length: order.totalSteps }, (_, update) => order.examplesAt(order.positionOf(update)));

describe("DataOrder", () => {
  it("takes every example once an epoch, in full batches but the last", () => {
    fc.assert(
      fc.property(groups, options, (list, chosen) => {
        const order = new DataOrder(list, chosen);
        expect(order.totalSteps).toBe(Math.ceil(list.length / chosen.batchSize) * chosen.epochs);
        for (let epoch = 0; epoch < chosen.epochs; epoch++) {
          const batches = updates(order).slice(
            epoch * order.stepsPerEpoch,
            (epoch + 1) * order.stepsPerEpoch,
          );
          expect(batches.slice(0, -1).every(({ length }) => length === chosen.batchSize)).toBe(true);
          expect(batches.flat().sort((a, b) => a - b)).toEqual(list.map((_, i) => i));
        }
      }),
      RUNS,
    );
  });

  it("keeps a group's examples together and in their order", () => {
    fc.assert(
      fc.property(groups, options, (list, chosen) => {
        const epoch = updates(new DataOrder(list, { ...chosen, epochs: 1 })).flat();
        for (const group of new Set(list)) {
          const members = list.flatMap((name, i) => (name === group ? [i] : []));
          const from = epoch.indexOf(members[0] as number);
          expect(epoch.slice(from, from + members.length)).toEqual(members);
        }
      }),
      RUNS,
    );
  });

  it("leaves groups whole where that is asked, as many an update as come nearest to the batch", () => {
    fc.assert(
      fc.property(groups, options, (list, chosen) => {
        const order = new DataOrder(list, { ...chosen, epochs: 1, wholeGroups: true });
        const all = updates(order);
        const names = [...new Set(list)];
        const each = Math.max(1, Math.round((chosen.batchSize * names.length) / list.length));
        expect(all.length).toBe(Math.ceil(names.length / each));
        expect(all.flat().sort((a, b) => a - b)).toEqual(list.map((_, i) => i));
        for (const batch of all) {
          const own = new Set(batch.map((index) => list[index]));
          expect(own.size).toBeLessThanOrEqual(each);
          expect(batch).toHaveLength(list.filter((name) => own.has(name)).length);
        }
      }),
      RUNS,
    );
  });

  it("goes on from any update as the undisturbed run does", () => {
    fc.assert(
      fc.property(groups, options, fc.nat(), (list, chosen, at) => {
        const all = updates(new DataOrder(list, chosen));
        const resumed = new DataOrder(list, chosen);
        const update = at % all.length;
        expect(resumed.examplesAt(resumed.positionOf(update))).toEqual(all[update]);
      }),
      RUNS,
    );
  });

  it("leaves groups whole where asked, and makes the same updates in every epoch", () => {
    fc.assert(
      fc.property(groups, options, (list, chosen) => {
        const order = new DataOrder(list, { ...chosen, wholeGroups: true });
        const all = updates(order);
        const epochs = Array.from({ length: chosen.epochs }, (_, epoch) =>
          all.slice(epoch * order.stepsPerEpoch, (epoch + 1) * order.stepsPerEpoch),
        );
        for (const epoch of epochs) {
          expect(epoch.flat().sort((a, b) => a - b)).toEqual(list.map((_, i) => i));
          for (const update of epoch) {
            const names = new Set(update.map((index) => list[index]));
            expect(update.length).toBe(list.filter((name) => names.has(name)).length);
          }
        }
        const made = epochs.map((epoch) => epoch.map((update) => update.join()).sort());
        for (const other of made) expect(other).toEqual(made[0]);
      }),
      RUNS,
    );
  });

  it("differs from epoch to epoch and from seed to seed", () => {
    const list = Array.from({ length: 40 }, (_, i) => `${i}`);
    const orders = [0, 1].flatMap((seed) => {
      const order = new DataOrder(list, { seed, batchSize: 40, epochs: 2 });
      return updates(order).map((batch) => batch.join());
    });
    expect(new Set(orders).size).toBe(4);
  });
});
