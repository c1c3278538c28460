
// The treemap, squarified: M. Bruls, K. Huizing, J. J. van Wijk, "Squarified Treemaps"
// (https://doi.org/10.1007/978-3-7091-6783-0_4). Areas are proportional to bytes: nothing is padded.

const WIDTH = 960;
const HEIGHT = 480;
const SMALLEST_AREA = 40;
const GROUPS = { tree: "what brings it", packages: "package", kinds: "kind of file" };

// Lays sizes, the largest first, out in a box; gives a box for each.
function squarify(sizes, box) {
  const placed = [];
  let { x, y, width, height } = box;
  let left = sum(sizes);
  let at = 0;
  while (at < sizes.length && left > 0) {
    const scale = (width * height) / left;
    const side = Math.min(width, height);
    let total = sizes[at];
    let end = at + 1;
    while (end < sizes.length
      && worstRatio(sizes[at], sizes[end], total + sizes[end], side, scale)
        <= worstRatio(sizes[at], sizes[end - 1], total, side, scale)) {
      total += sizes[end];
      end += 1;
    }
    const depth = (total * scale) / side;
    let along = 0;
    for (const size of sizes.slice(at, end)) {
      const length = (size * scale) / depth;
      placed.push(width < height
        ? { x: x + along, y, width: length, height: depth }
        : { x, y: y + along, width: depth, height: length });
      along += length;
    }
    if (width < height) {
      y += depth;
      height = Math.max(0, height - depth);
    } else {
      x += depth;
      width = Math.max(0, width - depth);
    }
    left -= total;
    at = end;
  }
  return placed;
}

function worstRatio(largest, smallest, total, side, scale) {
  const area = (total * scale) ** 2;
  return Math.max((side * side * largest * scale) / area, area / (side * side * smallest * scale));
}

// What is drawn: nodes with a key to zoom by, a size in bytes, and children or a kind.
function planTreemap({ closure, group, zoom }) {
  const all = { key: "", label: closure.image, children: () => topNodes(closure, group) };
  const crumbs = [all];
  const each = closure.byKey.get(zoom);
  if (group === "kinds" && Object.hasOwn(closure.kinds, zoom)) {
    crumbs.push(kindNode(closure, zoom));
  } else if (each && group === "tree") {
    crumbs.push(...findDominators(closure, each).map((one) => treeNode(closure, one)));
  } else if (each && group === "packages") {
    crumbs.push(packageNode(each));
  }
  return crumbs;
}

function topNodes(closure, group) {
  if (group === "kinds") {
    return Object.keys(closure.kinds).map((kind) => kindNode(closure, kind));
  }
  if (group === "packages") {
    return closure.packages.map(packageNode);
  }
  const tops = closure.tops.map((index) => treeNode(closure, closure.packages[index]));
  return tops.length === 1 ? tops[0].children() : tops;
}

function kindNode(closure, kind) {
  const children = () => closure.packages.map((each) => leaf(each, kind));
  return { key: kind, label: kind, kind, size: closure.kinds[kind], children };
}

function packageNode(each) {
  return { key: each.key, label: each.label, size: each.bytes, kind: mainKind(each), package: each,
    children: () => Object.keys(each.kinds).map((kind) => leaf(each, kind)) };
}

function treeNode(closure, each) {
  const node = packageNode(each);
  const below = each.dominated.map((index) => closure.packages[index]);
  return { ...node, size: brought(closure, each),
    children: () => [...node.children(), ...below.map((one) => treeNode(closure, one))] };
}

function leaf(each, kind) {
  return { label: each.label, size: each.kinds[kind] ?? 0, kind, package: each };
}

function mainKind(each) {
  return Object.keys(each.kinds)[0] ?? "data";
}

// The bytes in files of a package and of all that is there because of it alone, worked out once.
function brought(closure, each) {
  if (!closure.brought) {
    closure.brought = closure.packages.map((one) => one.bytes);
    const order = [...closure.tops];
    for (let at = 0; at < order.length; at += 1) {
      order.push(...closure.packages[order[at]].dominated);
    }
    for (const index of order.reverse()) {
      const above = closure.packages[index].dominator;
      if (above >= 0) {
        closure.brought[above] += closure.brought[index];
      }
    }
  }
  return closure.brought[each.index];
}

function placeChildren(node, box) {
  const children = node.children().filter((each) => each.size > 0);
  children.sort((one, other) => other.size - one.size);
  const boxes = squarify(children.map((each) => each.size), box);
  return children.map((each, at) => [each, boxes[at]]);
}

// The coloured pieces of a node; what would be too small to see is drawn as one.
function drawPieces(node, box) {
  const pieces = [];
  const todo = [[node, box]];
  while (todo.length) {
    const [each, place] = todo.pop();
    if (each.children && place.width * place.height >= SMALLEST_AREA) {
      todo.push(...placeChildren(each, place));
    } else {
      const title = each.label + ": " + each.kind + ", " + formatSize(each.size);
      pieces.push(draw("rect", { ...place, class: "piece kind-" + each.kind, "data-size": each.size },
        draw("title", {}, title)));
    }
  }
  return pieces;
}

function drawNode(node, box) {
  const parts = drawPieces(node, box);
  parts.push(draw("rect", { ...box, class: "frame" }));
  if (box.width >= 36 && box.height >= 18) {
    // An element of its own cuts the text off at the edge.
    parts.push(draw("svg", box, draw("text", { x: 4, y: 14 }, node.label)));
  }
  const label = node.label + ", " + (node.children ? "" : node.kind + ", ") + formatSize(node.size);
  const item = draw("g", { role: "button", tabindex: "-1", "aria-label": label }, ...parts);
  item.setAttribute("data-key", node.key ?? node.package.key);
  item.addEventListener("click", () => openNode(node));
  return item;
}

function openNode(node) {
  const changes = node.package ? { package: node.package.key } : {};
  go(node.children ? { ...changes, zoom: node.key } : changes);
}

function showTreemap(state) {
  const crumbs = planTreemap(state);
  const box = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const items = placeChildren(crumbs.at(-1), box).map(([node, place]) => drawNode(node, place));
  items[0]?.setAttribute("tabindex", "0");
  const map = document.getElementById("treemap");
  const focused = map.contains(document.activeElement);
  map.replaceChildren(...items);
  if (focused) {
    items[0]?.focus();
  }
  showCrumbs(crumbs);
  for (const button of document.getElementById("groups").children) {
    button.setAttribute("aria-pressed", String(button.dataset.group === state.group));
  }
}

function showCrumbs(crumbs) {
  const items = crumbs.map((node, at) => {
    if (at === crumbs.length - 1) {
      return make("li", { "aria-current": "location" }, node.label);
    }
    const link = make("a", { href: addressOf({ zoom: node.key }) }, node.label);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go({ zoom: node.key });
    });
    return make("li", {}, link);
  });
  document.getElementById("crumbs").replaceChildren(make("ol", {}, ...items));
}

function startTreemap() {
  for (const [group, label] of Object.entries(GROUPS)) {
    const button = make("button", { type: "button", "data-group": group }, "by " + label);
    button.addEventListener("click", () => go({ group, zoom: "" }));
    document.getElementById("groups").append(button);
  }
  document.getElementById("treemap").addEventListener("keydown", (event) => {
    const item = event.target.closest("[role=button]");
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Escape") {
      go({ zoom: planTreemap(readState()).at(-2)?.key ?? "" });
    } else if (item && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      item.dispatchEvent(new MouseEvent("click"));
    } else if (item && event.key in steps) {
      event.preventDefault();
      const all = [...item.parentNode.children];
      moveFocus(item, all[all.indexOf(item) + steps[event.key]]);
    }
  });
}

// One of a group of things is reached by Tab, the others from there.
function moveFocus(from, to) {
  if (to) {
    from.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
  }
}
