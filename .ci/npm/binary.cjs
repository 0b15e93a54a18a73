/** Owns which of the platforms' packages holds this machine's executable. */
const { existsSync } = require("node:fs");

const MUSL = { x64: "/lib/ld-musl-x86_64.so.1", arm64: "/lib/ld-musl-aarch64.so.1" };

function platformName() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const libc = os === "linux" && existsSync(MUSL[process.arch] ?? "") ? "-musl" : "";
  return `${os}-${process.arch}${libc}`;
}

/** The executable's path; throws, saying what to do, where its package is not installed. */
function binaryPath() {
  const { name } = require("./package.json");
  const wanted = `${name}-${platformName()}`;
  try {
    return require.resolve(`${wanted}/weir${process.platform === "win32" ? ".exe" : ""}`);
  } catch {
    throw new Error(
      `${wanted} is not installed: either there is no weir for this platform, or npm left out optional dependencies`,
    );
  }
}

module.exports = { binaryPath };
