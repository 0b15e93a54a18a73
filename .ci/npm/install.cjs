/** Owns what happens after the installation: the executable takes the launcher's place, so that no other program starts it. */
const { chmodSync, copyFileSync, linkSync, renameSync, rmSync } = require("node:fs");
const { join } = require("node:path");
const { binaryPath } = require("./binary.cjs");

const launcher = join(__dirname, "bin/weir");
const fresh = `${launcher}.new`;

/** On Windows npm has already written scripts that start the launcher by node, so there it stays. */
function install() {
  const binary = binaryPath();
  if (process.platform === "win32") return;
  rmSync(fresh, { force: true });
  try {
    linkSync(binary, fresh);
  } catch {
    copyFileSync(binary, fresh); // another file system
  }
  chmodSync(fresh, 0o755);
  renameSync(fresh, launcher);
  rmSync(fresh, { force: true }); // two names of one file are not renamed
}

try {
  install();
} catch (error) {
  // The launcher that is there still works, or says the same.
  console.warn(`weir: ${error.message}`);
}
