/** Owns which of the platforms' packages holds this machine's executable. */
const { readFileSync } = require("node:fs");

function platformName() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  return `${os}-${process.arch}${os === "linux" && isOnMusl() ? "-musl" : ""}`;
}

/** Which C library node itself runs on: musl's loader may be installed beside glibc. */
function isOnMusl() {
  return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
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
