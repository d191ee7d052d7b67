/** Build leaderboard.js, one file that needs no other, and its types. Prints the size, gzipped.
 *
 * usage: node build.js [folder], by default dist */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url)));
const file = `${folder}/leaderboard.js`;
const options = { bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning" };

process.chdir(fileURLToPath(new URL(".", import.meta.url))); // esbuild names the sources by their paths from here
rmSync(folder, { recursive: true, force: true });
const tsc = ["node_modules/typescript/bin/tsc", "--outDir", `${folder}/types`];
execFileSync(process.execPath, tsc, { stdio: "inherit" });
await build({ entryPoints: ["src/index.ts"], outfile: file, ...options });
writeFileSync(`${folder}/leaderboard.d.ts`, 'export * from "./types/index.js";\n');

const minified = await build({ entryPoints: [file], write: false, minify: true, ...options });
const kilobytes = (content) => `${(gzipSync(content, { level: 9 }).length / 1000).toFixed(1)} kB`;
console.log(`leaderboard.js, gzipped: ${kilobytes(readFileSync(file))}; minified: ${kilobytes(minified.outputFiles[0].contents)}`);
