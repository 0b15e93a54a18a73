/** Owns patterns of file names: `*` stands for any characters. */

const compiled = new Map<string, RegExp>();

export function matches(glob: string, name: string): boolean {
  if (glob === name) return true;
  const star = glob.indexOf("*");
  if (star < 0) return false;
  if (star === 0 && glob.lastIndexOf("*") === 0) return name.endsWith(glob.slice(1)); // nearly all are like this
  let regex = compiled.get(glob);
  if (!regex) {
    regex = new RegExp(
      `^${glob
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join("[^/]*")}$`,
    );
    compiled.set(glob, regex);
  }
  return regex.test(name);
}
