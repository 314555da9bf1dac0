/** @file Figures of a column of measurements.csv for one sampling site. */
import { readFileSync } from "node:fs";

export const files = ["measurements.csv"];

const [head, ...lines] = readFileSync(new URL("measurements.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => line.split(","));
const rows = lines.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index]])));

export default ({ z }) => [
  {
    name: "figures",
    description: "Count, mean, smallest and largest value of a column for the samples of one site.",
    input: z.object({
      column: z.enum(["ph", "nitrate", "temperature"]),
      site: z.enum(["north", "south", "inlet", "outlet"]),
    }),
    run({ column, site }) {
      const values = rows.filter((row) => row.site === site).map((row) => Number(row[column]));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return {
        column,
        site,
        n: values.length,
        mean: Math.round(mean * 1000) / 1000,
        min: Math.min(...values),
        max: Math.max(...values),
      };
    },
  },
];
