/** @file The site of docs/: pages and menu come from scripts/docs-pages.mjs. Nothing is loaded from elsewhere. */
import { readFileSync } from "node:fs";

const { menu } = JSON.parse(readFileSync(new URL("../pages/menu.json", import.meta.url), "utf8"));

/** Anchors as GitHub makes them, so that links hold in both places. */
const slugify = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

export default {
  title: "w4s",
  description: "A weak local model learns to design workflows for a strong remote model.",
  srcDir: "pages",
  outDir: "dist",
  lastUpdated: false,
  markdown: { anchor: { slugify } },
  themeConfig: {
    outline: [2, 3],
    search: { provider: "local" },
    sidebar: menu,
  },
};
