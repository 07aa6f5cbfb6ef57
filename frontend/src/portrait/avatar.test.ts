// @vitest-environment happy-dom
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readAvatar } from "./avatar";

const wrap = (inside: string, attributes = "") =>
  `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inside}</svg>`;
const html = (text: string) => readAvatar(text, "x-")?.svg.outerHTML ?? "";

describe("a portrait that wants more than to be looked at", () => {
  it.each([
    ["a script", "<script>steal()</script>"],
    ["a handler", '<path d="M0 0" onclick="steal()" onload="steal()"/>'],
    [
      "a foreign page",
      '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="https://e.example/x"/></body></foreignObject>',
    ],
    ["a link", '<a href="javascript:steal()"><path d="M0 0"/></a>'],
    ["a picture from elsewhere", '<image href="https://e.example/x.png"/>'],
    ["a shape from elsewhere", '<use href="https://e.example/x.svg#steal"/>'],
    ["a fill from elsewhere", '<path fill="url(https://e.example/steal)" d="M0 0"/>'],
    [
      "a style",
      '<style>@import "https://e.example/steal"</style><path style="fill:url(https://e.example/steal)"/>',
    ],
    ["an animation", '<animate attributeName="href" to="javascript:steal()"/>'],
  ])("loses %s", (_, inside) => {
    expect(html(wrap(inside))).not.toMatch(/steal|e\.example|script:/);
  });

  it("is nothing when it is no drawing", () => {
    expect(readAvatar("<html><body>hello</body></html>", "x-")).toBeNull();
  });
});

describe("a portrait as it should be", () => {
  const inside =
    '<defs><linearGradient id="hair"/></defs><g id="head"><path fill="url(#hair)" d="M0 0"/></g>';

  it("keeps its drawing, under ids of its own", () => {
    const kept = html(wrap(inside, 'viewBox="0 0 4 4"'));
    expect(kept).toContain('id="x-hair"');
    expect(kept).toContain('fill="url(#x-hair)"');
    expect(kept).toContain('viewBox="0 0 4 4"');
  });

  it("names its moving parts and its colours", () => {
    const avatar = readAvatar(wrap(inside, 'data-accent="#f0653f" data-sky="red;}"'), "x-");
    expect(Object.keys(avatar?.parts ?? {})).toEqual(["head"]);
    expect(avatar?.palette).toEqual({ accent: "#f0653f" });
  });

  it.each(["qiao_qingqing", "sam_whitlock"])("%s has every part that moves", (name) => {
    const text = readFileSync(`../assets/avatars/${name}.svg`, "utf-8");
    const avatar = readAvatar(text, "x-");
    expect(Object.keys(avatar?.parts ?? {}).sort()).toEqual([
      "breath",
      "brows",
      "eyes",
      "eyes-closed",
      "head",
      "head-back",
      "mouth",
      "mouth-closed",
      "mouth-open",
      "pupils",
    ]);
    expect(Object.keys(avatar?.palette ?? {})).toHaveLength(6);
  });
});
