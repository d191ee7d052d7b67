/** Build leaderboard.js, leaderboard-worker.js, which tabs share, and leader-board.js, the element; and their types.
 * Prints the sizes, gzipped.
 *
 * usage: node build.js [folder], by default dist */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url)));
// What is shipped, which source it is made of, and how it is loaded. The element imports the client, which is beside it.
// The worker is a script, because not every browser has workers that are modules.
const files = [
  ["leaderboard.js", "leaderboard.ts", "esm"],
  ["leaderboard-worker.js", "worker.ts", "iife"],
  ["leader-board.js", "element.ts", "esm"],
];
const options = { target: "es2022", charset: "utf8", logLevel: "warning" };

process.chdir(fileURLToPath(new URL(".", import.meta.url))); // where tsconfig.json is
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const tsc = ["node_modules/typescript/bin/tsc", "--outDir", `${folder}/types`];
execFileSync(process.execPath, tsc, { stdio: "inherit" });

for (const [file, source, format] of files) {
  const bundle = { entryPoints: [`src/${source}`], bundle: true, write: false, external: ["./leaderboard.js"], format };
  const minified = await bundled({ ...bundle, minify: true });
  // Laid out anew, so that a change can be read, but without the comments, which the types have.
  const { code } = await transform(await bundled({ ...bundle, minifyWhitespace: true }), options);
  writeFileSync(`${folder}/${file}`, code);
  if (format === "esm") {
    const types = `export * from "./types/${source.replace(/ts$/, "js")}";\n`;
    writeFileSync(`${folder}/${file.replace(/js$/, "d.ts")}`, types);
  }
  console.log(`${file}, gzipped: ${kilobytes(code)}; minified: ${kilobytes(minified)}`);
}

async function bundled(bundle) {
  return (await build({ ...options, ...bundle })).outputFiles[0].text;
}

function kilobytes(content) {
  return `${(gzipSync(content, { level: 9 }).length / 1000).toFixed(2)} kB`;
}
