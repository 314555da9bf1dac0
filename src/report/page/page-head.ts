/** @file The head of a page that needs nothing but itself. */
import { html, Markup } from "../html.js";
import type { PageParts } from "./page-script.js";

/** Everything up to the body's start. */
export function pageHead(title: string, { styles, policy }: PageParts): Markup {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="w4s report">
<title>${title} – w4s report</title>
<link rel="icon" href="data:,">
${styles.map((style) => html`<style>${new Markup(style)}</style>`)}
</head>
<body>`;
}
