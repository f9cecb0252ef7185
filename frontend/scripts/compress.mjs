// Beside every file that is text, the same in brotli and gzip: the console sends them as they are.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = new URL("../../flows/console/static/", import.meta.url).pathname;
for (const each of readdirSync(root, { recursive: true })) {
  if (!/\.(js|css|svg|html)$/.test(each)) continue;
  const whole = readFileSync(join(root, each));
  if (whole.length < 1024) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  writeFileSync(join(root, `${each}.br`), brotliCompressSync(whole, { params }));
  writeFileSync(join(root, `${each}.gz`), gzipSync(whole, { level: 9 }));
}
