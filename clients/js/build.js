/** Build leaderboard.js, one file that needs no other, leader-board.js, the element, and format.js, which writes scores as text; and
 * their types. Prints the sizes, gzipped.
 *
 * usage: node build.js [folder], by default dist */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url)));
// What is shipped, and which source it is made of. The element imports the client, which is beside it, and
// has a copy of the small format.ts.
const files = { "leaderboard.js": "leaderboard.ts", "leader-board.js": "element.ts", "format.js": "format.ts" };
const options = { bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning" };
const external = ["./leaderboard.js"];

process.chdir(fileURLToPath(new URL(".", import.meta.url))); // esbuild names the sources by their paths from here
rmSync(folder, { recursive: true, force: true });
const tsc = ["node_modules/typescript/bin/tsc", "--outDir", `${folder}/types`];
execFileSync(process.execPath, tsc, { stdio: "inherit" });

for (const [file, source] of Object.entries(files)) {
  const outfile = `${folder}/${file}`;
  await build({ entryPoints: [`src/${source}`], outfile, external, ...options });
  writeFileSync(outfile.replace(/js$/, "d.ts"), `export * from "./types/${source.replace(/ts$/, "js")}";\n`);
  const minified = await build({ entryPoints: [outfile], write: false, minify: true, external, ...options });
  console.log(`${file}, gzipped: ${kilobytes(readFileSync(outfile))}; minified: ${kilobytes(minified.outputFiles[0].contents)}`);
}

function kilobytes(content) {
  return `${(gzipSync(content, { level: 9 }).length / 1000).toFixed(1)} kB`;
}
