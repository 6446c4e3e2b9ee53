// Builds cs_models/report/assets/plotly-figures.min.js from plotly.js's own sources.
//
//   npm ci --ignore-scripts && npm run build
//
// In: plotly.js of the version that plotly.py carries, pinned in package.json; package-lock.json
// holds the hash of every package.  Out: the bundle, and the licences of all that is in it.
// The same lock file gives the same bytes.
//
// Smaller than plotly's own "cartesian" by what no page uses: three trace types (pie, image,
// scatterternary), other calendars, the descriptions of attributes (plotly's minified bundles
// leave them out too), the style sheet of maps, and colour spaces (colours.mjs).  All of plotly's
// components stay, so that no layout is read differently from what plotly documents.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import * as acorn from "acorn";
import * as esbuild from "esbuild";

// cs_models/report/page/figures.py lists the same; scatter comes with the core.
const TRACES = [
  "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "violin",
];

const here = dirname(fileURLToPath(import.meta.url));
const assets = resolve(here, "../../cs_models/report/assets");
const packages = join(here, "node_modules");
const manifest = (name) => JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));

const isText = (node) =>
  (node.type === "Literal" && typeof node.value === "string") || node.type === "TemplateLiteral"
  || (node.type === "BinaryExpression" && node.operator === "+"
    && (isText(node.left) || isText(node.right)))
  || (node.type === "CallExpression" && node.callee.type === "MemberExpression"
    && node.callee.property.name === "join" && node.callee.object.type === "ArrayExpression");

const walk = (node, visit) => {
  visit(node);
  for (const child of Object.values(node).flat()) {
    if (child && typeof child.type === "string") walk(child, visit);
  }
};

// A source without the `description: "..."` of its attributes, which only documentation reads.
const undescribed = (source) => {
  const cuts = [];
  walk(acorn.parse(source, { ecmaVersion: "latest", sourceType: "script" }), (node) => {
    if (node.type !== "ObjectExpression") return;
    for (const entry of node.properties) {
      if (entry.type !== "Property" || entry.computed || entry.key.name !== "description") continue;
      if (!isText(entry.value)) continue;
      const comma = /^\s*,/.exec(source.slice(entry.end));
      cuts.push([entry.start, entry.end + (comma ? comma[0].length : 0)]);
    }
  });
  return cuts.sort((one, other) => other[0] - one[0])
    .reduce((text, [from, to]) => text.slice(0, from) + text.slice(to), source);
};

const lean = {
  name: "lean",
  setup(build) {
    build.onResolve({ filter: /^culori$/ }, () => ({ path: join(here, "colours.mjs") }));
    build.onLoad({ filter: /maplibre-gl\.css$/ }, () => ({ contents: "", loader: "js" }));
    build.onLoad({ filter: /plotly\.js[\\/]src[\\/].*\.js$/ }, ({ path }) =>
      ({ contents: undescribed(readFileSync(path, "utf8")), loader: "js" }));
  },
};

const built = await esbuild.build({
  stdin: {
    contents: `const Plotly = require("plotly.js/lib/core");
      Plotly.register([${TRACES.map((name) => `require("plotly.js/lib/${name}")`).join(",")}]);
      module.exports = Plotly;`,
    resolveDir: here,
  },
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "Plotly",
  target: "es2020",
  charset: "utf8",
  define: { global: "window", "define.amd": "false" }, // as plotly's own build
  plugins: [lean],
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  write: false,
});

const version = manifest("plotly.js").version;
const banner = `/**
* plotly.js (figures of the renewals report - minified) v${version}
* Copyright 2012-2026, Plotly, Inc.
* All rights reserved.
* Licensed under the MIT license
*/
`;
const code = built.outputFiles[0].text;
if (/<\/(script|style)|<!--|<script|\r/i.test(code)) throw new Error("would end its own element");
writeFileSync(join(assets, "plotly-figures.min.js"), banner + code);

// What is in the bundle, each with its licence as its package carries it.
const used = new Set();
for (const [path, { bytesInOutput }] of Object.entries(Object.values(built.metafile.outputs)[0].inputs)) {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path);
  if (name && bytesInOutput && !path.endsWith(".css")) used.add(name[1]);
}
const licence = (name) => {
  const file = (form) => readdirSync(join(packages, name)).find((found) => form.test(found));
  const own = file(/^licen[sc]e/i);
  if (own) return readFileSync(join(packages, name, own), "utf8").trim();
  const readme = file(/^readme/i) ? readFileSync(join(packages, name, file(/^readme/i)), "utf8") : "";
  const from = readme.search(/^#* *licen[sc]e/im);
  return from < 0 ? `Licence: ${manifest(name).license}` : readme.slice(from).trim();
};
const others = [...used].filter((name) => name !== "plotly.js").sort();
const text = [licence("plotly.js"), ...others.map((name) =>
  `${"-".repeat(80)}\n${name} ${manifest(name).version} (${manifest(name).license})\n\n${licence(name)}`)]
  .join("\n\n").replace(/\r/g, "").replace(/[ \t]+$/gm, "");
writeFileSync(join(assets, "plotly-LICENSE.txt"), `${text}\n`);
console.log(`${version}: ${banner.length + code.length} characters; with ${others.join(", ")}`);
