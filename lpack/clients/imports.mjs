// Lambda's own Node.js looks for what is imported, too, in NODE_PATH. This does what its change does:
// https://aws.amazon.com/blogs/compute/node-js-18-x-runtime-now-available-in-aws-lambda/
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    for (const folder of (process.env.NODE_PATH ?? "").split(":").filter(Boolean)) {
      try {
        return await next(specifier, { ...context, parentURL: pathToFileURL(`${folder}/../importer.mjs`).href });
      } catch {}
    }
    throw error;
  }
}
