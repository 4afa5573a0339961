// Builds the page: src/ to dist/, which is committed (docs/adr/0007-the-page-is-committed-as-built.md).
//
//   node build.mjs           writes dist/
//   node build.mjs --check   compares dist/ with what would be written, and the size with its budget; writes nothing
//   node build.mjs --tests   writes the unit tests, bundled, to the folder of the environment's OUT

import { build } from "esbuild";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const GZIP_BYTES_MAX = 120 * 1024; // all that a first visit loads
const root = path.dirname(fileURLToPath(import.meta.url));
const at = (...parts) => path.join(root, ...parts);

const shared = { bundle: true, target: ["es2022"], charset: "utf8", logLevel: "warning", absWorkingDir: root };

async function page() {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: { page: at("src/main.tsx") },
    outdir: at("dist"),
    write: false,
    minify: true,
    format: "esm",
    legalComments: "inline",
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  const { outputFiles: styles } = await build({
    ...shared,
    entryPoints: { page: at("src/page.css") },
    outdir: at("dist"),
    write: false,
    minify: true,
  });
  const files = new Map();
  for (const file of [...outputFiles, ...styles]) files.set(path.basename(file.path), Buffer.from(file.contents));
  for (const name of ["index.html", "icon.svg"]) files.set(name, await readFile(at("src", name)));
  return files;
}

async function tests(out) {
  const names = (await readdir(at("test"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared,
    entryPoints: names.map((name) => at("test", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    format: "esm",
  });
}

function report(files) {
  let all = 0;
  for (const [name, content] of files) {
    const packed = gzipSync(content, { level: 9 }).length;
    all += packed;
    console.log(`${name.padEnd(12)} ${String(content.length).padStart(8)} bytes ${String(packed).padStart(7)} gzipped`);
  }
  console.log(`${"all".padEnd(12)} ${"".padStart(14)} ${String(all).padStart(7)} gzipped, at most ${GZIP_BYTES_MAX}`);
  return all <= GZIP_BYTES_MAX;
}

if (process.argv.includes("--tests")) {
  await tests(process.env.OUT);
} else {
  const files = await page();
  let good = report(files);
  await mkdir(at("dist"), { recursive: true });
  for (const [name, content] of files) {
    if (!process.argv.includes("--check")) {
      await writeFile(at("dist", name), content);
    } else if (!content.equals(await readFile(at("dist", name)).catch(() => Buffer.alloc(0)))) {
      console.error(`web/dist/${name} is not what web/src makes: node web/build.mjs`);
      good = false;
    }
  }
  if (!good) process.exitCode = 1;
}
