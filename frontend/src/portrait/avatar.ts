/**
 * A portrait from the server, made safe to stand in the page.
 *
 * Only drawing elements and drawing attributes pass: no script, handler, link, style or foreign content. Ids
 * get a prefix, so that two portraits can share a page, and the names of the moving parts are kept as
 * `data-part`.
 */

const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(
  "svg g path circle ellipse rect line polyline polygon defs linearGradient radialGradient stop clipPath mask use title".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(
  (
    "id d fill stroke opacity transform viewBox cx cy r rx ry x y x1 y1 x2 y2 fx fy width height points offset " +
    "fill-opacity fill-rule clip-rule clip-path mask stroke-width stroke-linecap stroke-linejoin stroke-opacity " +
    "stroke-dasharray stop-color stop-opacity gradientUnits gradientTransform spreadMethod href"
  ).split(" "),
);

export const PARTS = ["breath", "head", "head-back", "eyes", "eyes-closed", "pupils", "brows"] as const;
const MOUTH = ["mouth", "mouth-open", "mouth-closed"] as const;
export type Part = (typeof PARTS)[number] | (typeof MOUTH)[number];

export interface Avatar {
  svg: SVGSVGElement;
  parts: Partial<Record<Part, SVGElement>>;
  /** Colours that the drawing suggests for the room around it. */
  palette: Readonly<Record<string, string>>;
}

/** @returns null for text that is no drawing. */
export function readAvatar(text: string, prefix: string): Avatar | null {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (parsed.localName !== "svg" || parsed.namespaceURI !== SVG) return null;
  const svg = copy(parsed, prefix) as SVGSVGElement;
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const parts: Avatar["parts"] = {};
  for (const name of [...PARTS, ...MOUTH]) {
    const part = svg.querySelector<SVGElement>(`[data-part="${name}"]`);
    if (part) parts[name] = part;
  }
  return { svg, parts, palette: paletteOf(parsed) };
}

/** Built anew rather than cleaned: what is not known here cannot slip through. */
function copy(from: Element, prefix: string): Element {
  const to = document.createElementNS(SVG, from.localName);
  for (const { name, value } of from.attributes) {
    if (!ATTRIBUTES.has(name)) continue;
    const safe = safeValue(name, value, prefix);
    if (safe !== null) to.setAttribute(name, safe);
  }
  const id = from.getAttribute("id");
  if (id) to.setAttribute("data-part", id);
  for (const child of from.children) {
    if (child.namespaceURI === SVG && ELEMENTS.has(child.localName)) to.append(copy(child, prefix));
  }
  return to;
}

function safeValue(name: string, value: string, prefix: string): string | null {
  if (name === "id") return prefix + value;
  if (name === "href") return value.startsWith("#") ? `#${prefix}${value.slice(1)}` : null;
  const inside = value.replace(/url\(\s*["']?#([\w-]+)["']?\s*\)/gi, `url(#${prefix}$1)`);
  return /url\(\s*(?!#)|script:|data:/i.test(inside) ? null : inside;
}

function paletteOf(svg: Element): Record<string, string> {
  const names = ["accent", "glow", "sky", "ground", "night", "dusk"];
  const colours = names.map((name) => [name, svg.getAttribute(`data-${name}`) ?? ""] as const);
  return Object.fromEntries(colours.filter(([, value]) => /^#[0-9a-f]{6}$/i.test(value)));
}
