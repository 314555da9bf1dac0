/**
 * @file Every link of a built site leads to a page that is there, and to a place in it; no page loads anything from elsewhere.
 *
 * node scripts/check-links.mjs FOLDER
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("give the folder of the site");

const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) =>
  name.replaceAll("\\", "/"),
);
const pages = new Map(
  files
    .filter((name) => name.endsWith(".html"))
    .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
);
const anchors = new Map(
  [...pages].map(([name, text]) => [
    name,
    new Set([...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)),
  ]),
);
let [links, dead] = [0, 0];
const complain = (page, link, why) => {
  dead++;
  console.error(`${page}: ${link}: ${why}`);
};
for (const [page, text] of pages) {
  for (const [, tag, attribute, link] of text.matchAll(
    /<(a|link|script|img)\b[^>]*?\s(href|src)="([^"]*)"/g,
  )) {
    if (/^(https?:)?\/\//.test(link)) {
      if (tag !== "a") complain(page, link, `a page that needs the network (${attribute} of ${tag})`);
      continue;
    }
    if (/^(data|mailto):/.test(link)) continue;
    links++;
    const [path, anchor] = decodeURIComponent(link).replaceAll("&amp;", "&").split("#");
    const target =
      path === ""
        ? page
        : posix.join(path.startsWith("/") ? "" : posix.dirname(page), path.replace(/^\//, ""));
    const found = [target, `${target}.html`, posix.join(target, "index.html")].find(
      (name) =>
        pages.has(name) || (files.includes(name) && /\.\w+$/.test(name) && existsSync(join(folder, name))),
    );
    if (found === undefined) complain(page, link, "no such page");
    else if (anchor && pages.has(found) && !anchors.get(found).has(anchor))
      complain(page, link, "no such place in the page");
  }
}
console.log(`${pages.size} pages, ${links} links, ${dead} dead`);
process.exitCode = dead > 0 || pages.size === 0 ? 1 : 0;
