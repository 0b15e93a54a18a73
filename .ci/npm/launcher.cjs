#!/usr/bin/env node
/** Owns starting the executable where the installation could not put it here: scripts switched off, or Windows. */
const { spawn } = require("node:child_process");

/** What a terminal sends to all that runs on it reaches the executable without us: told twice, it would end at once. */
const sentToAll = process.stdin.isTTY ? ["SIGINT", "SIGHUP"] : [];

function start() {
  let child;
  // Before there is a child: a signal that ended us alone would leave it behind.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => sentToAll.includes(signal) || child.kill(signal));
  child = spawn(require("../binary.cjs").binaryPath(), process.argv.slice(2), { stdio: "inherit" });
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
