/** Proves which paths addresses of folders stand for. */
import { expect, test } from "bun:test";
import { folderOf } from "../../src/record/folder.ts";

test("a folder's address is told as its path, on this machine or another; what is no such address as it is", () => {
  for (const [uri, path] of [
    ["file:///w/my%20app", "/w/my app"],
    ["file:///c%3A/Users/ana/app", "c:/Users/ana/app"],
    ["vscode-remote://wsl%2Bubuntu/home/ana/app", "/home/ana/app"],
    ["vscode-remote://ssh-remote+nas/c%3A/w", "c:/w"],
    ["vscode-remote://wsl%2Bubuntu", undefined],
    ["file:///%E0%A4%A", undefined],
    ["/w/a%20b", "/w/a%20b"],
    ["https://example.com/r.git", "https://example.com/r.git"],
    [undefined, undefined],
  ] as const)
    expect(folderOf(uri)).toBe(path);
});
