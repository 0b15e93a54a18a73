#!/usr/bin/env node
/** Owns starting the executable where the installation could not put it here: scripts switched off, or Windows. */
const { spawn } = require("node:child_process");

function start() {
  const child = spawn(require("../binary.cjs").binaryPath(), process.argv.slice(2), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", fail);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

function fail(error) {
  console.error(`weir: ${error.message}`);
  process.exit(1);
}

try {
  start();
} catch (error) {
  fail(error);
}
